import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { AppError, type Fault } from '../errors.ts';
import { parseText } from '../openspec/parse.ts';
import { readConfig } from '../config.ts';
import { isDemoModel } from '../models/is-demo-model.ts';
import { openChatClient, type ChatTurn } from './client.ts';
import { addDeviceOptions, withDevices, type DeviceOptions } from './device-options.ts';
import { onOwnDatabase, openOwnServer, privately } from './server.ts';
import { formatCall, hasColors, paint } from './show.ts';
import { readEntry, readSpec } from './spec.ts';
import { turnFault, turnHint } from './turn-fault.ts';

/** A scenario: documents (file, URL or openSpecList entry), and the sentences in their order. */
interface Scenario {
  documents: (string | JsonObject)[];
  /** Devices that the server knows: names, or objects {name, include?, exclude?}. */
  devices: (string | JsonObject)[];
  systemPrompt?: string | undefined;
  /** As in the body of `/init`. */
  llmConfig?: JsonObject | undefined;
  sentences: string[];
}

/** Adds `run`: says the sentences of a scenario to an own server, and shows their outcomes. */
export function addRun(program: Command): void {
  addDeviceOptions(program.command('run'))
    .description('open a session with the documents of a scenario (YAML or JSON), and say its sentences')
    .argument('<scenario>', 'a file, - for standard input, or an http(s) URL')
    .option('--json', 'print one JSON value: {"turns":[{"sentence","answer","toolCalls","status"}]}')
    .action(async (place: string, { json = false, ...options }: DeviceOptions & { json?: boolean }) => {
      const { text, source } = await readSpec(place);
      const scenario = scenarioOf((await parseText(text)).document);
      const { documents, devices, sentences, ...rest } = scenario;
      const more = devices.length > 0 ? { ...rest, devices } : rest;
      // Documents are looked for beside the scenario first, so that a folder with both can be moved.
      const folder = source === undefined || !existsSync(source) ? process.cwd() : dirname(source);
      const entries = documents.map((document) => readEntry(document, folderOf(document, folder)));
      const openSpecList = withDevices(await Promise.all(entries), options);
      // Devices that the server knows are in the database of the settings. A scenario without any needs none.
      const server = await openOwnServer(devices.length > 0 ? onOwnDatabase : privately);
      try {
        const client = await openChatClient({ url: server.url, capability: { ...more, openSpecList } });
        const turns: ChatTurn[] = [];
        // A sentence that fails does not end the scenario.
        for (const sentence of sentences) {
          const turn = await client.say(sentence);
          turns.push(turn);
          if (!json) process.stdout.write(formatTurn(turn));
        }
        await client.close();
        if (json) process.stdout.write(`${JSON.stringify({ turns })}\n`);
        // Only the demo model answers with words where it should have called.
        const expectsCalls =
          (openSpecList.length > 0 || devices.length > 0) &&
          isDemoModel({ ...readConfig().model, ...scenario.llmConfig });
        for (const turn of turns) {
          const fault = turnFault(turn, expectsCalls);
          if (fault === undefined) continue;
          process.stderr.write(`lite-agent: ${fault}: ${turn.sentence}\n`);
          process.exitCode = 1;
        }
        // Once for all turns: it is the same advice each time.
        const hint = turns.map(turnHint).find((text) => text !== undefined);
        if (hint !== undefined) process.stderr.write(`${hint}\n`);
      } finally {
        await server.close();
      }
    });
}

/** The folder of a document: that of the scenario, if the file is there, else the working folder. */
function folderOf(document: string | JsonObject, folder: string): string {
  return typeof document === 'string' && existsSync(resolve(folder, document)) ? folder : process.cwd();
}

/** A sentence, its calls and its end: the answer, or the reason why there is none. */
function formatTurn({ sentence, toolCalls, answer, status, error }: ChatTurn): string {
  const colors = hasColors(process.stdout);
  const calls = toolCalls.map((made) => `  ${formatCall(made, colors)}\n`);
  const end =
    status === 'done'
      ? answer
      : paint('red', `${status}${error === undefined ? '' : `: ${error.message}`}`, colors);
  return `${paint('green', `> ${sentence}`, colors)}\n${calls.join('')}${end}\n\n`;
}

/**
 * Checks a scenario by hand: its fields are less than a schema and its words. Throws `invalid_request` that names every fault.
 */
function scenarioOf({
  documents = [],
  devices = [],
  systemPrompt,
  llmConfig,
  sentences,
}: JsonObject): Scenario {
  const faults: Fault[] = [];
  if (!Array.isArray(documents) || !documents.every(isPlace)) {
    faults.push({ pointer: '/documents', detail: 'must be a list of files, URLs or objects with openSpec' });
  }
  if (!Array.isArray(devices) || !devices.every(isPlace)) {
    faults.push({ pointer: '/devices', detail: 'must be a list of names of devices, or objects with name' });
  }
  if (!Array.isArray(sentences) || sentences.length === 0 || !sentences.every(isSentence)) {
    faults.push({ pointer: '/sentences', detail: 'must be a list of at least one sentence' });
  }
  if (systemPrompt !== undefined && typeof systemPrompt !== 'string') {
    faults.push({ pointer: '/systemPrompt', detail: 'must be a text' });
  }
  if (llmConfig !== undefined && !isObject(llmConfig)) {
    faults.push({ pointer: '/llmConfig', detail: 'must be an object' });
  }
  if (faults.length > 0) {
    const lines = faults.map(({ pointer, detail }) => `\n  ${pointer} ${detail}`);
    throw new AppError('invalid_request', `the scenario cannot be used:${lines.join('')}`, { faults });
  }
  return { documents, devices, systemPrompt, llmConfig, sentences } as Scenario;
}

/** A text that names a document or a device, or an entry of `/init` with it inside (contract 1). */
function isPlace(item: JsonValue): item is string | JsonObject {
  return typeof item === 'string' || isObject(item);
}

/** A sentence for the session: a text that is not empty. */
function isSentence(item: JsonValue): item is string {
  return typeof item === 'string' && item.trim() !== '';
}
