import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { apiUrl } from './call-server.ts';
import { openChatClient, type ChatClient, type TurnObserver } from './client.ts';
import { onOwnDatabase, openOwnServer, privately, type OwnServer } from './server.ts';
import { hasColors, liveWatcher, paint } from './show.ts';
import { readEntry } from './spec.ts';

/** The options of `chat`, as commander names them. */
interface ChatOptions {
  spec?: string[];
  device?: string[];
  url?: string;
  session?: string;
  token?: string;
  systemPrompt?: string;
  json?: boolean;
}

/** Adds `chat`: sentences from the terminal or a pipe to a session, of an own server or of a running one. */
export function addChat(program: Command): void {
  program
    .command('chat')
    .description('talk to devices on a terminal, or send sentences from a pipe, one sentence a line')
    .option('--spec <place...>', 'the documents that describe the devices: files or http(s) URLs')
    .option('--device <name...>', 'devices that the server knows, by their names')
    .option('--system-prompt <text>', 'the system prompt: instructions for the model')
    .option(
      '--url <url>',
      'connect to a running server, such as http://127.0.0.1:9527/api; without this option the command starts its own',
    )
    .option(
      '--session <id>',
      'join this session of the running server; without this option a new one is opened',
    )
    .option(
      '--token <token>',
      'the access token for the running server; AUTH_TOKEN of the settings by default',
    )
    .option('--json', 'print every envelope as a line of JSON')
    .action(async (options: ChatOptions, command: Command) => {
      if (options.session !== undefined && options.url === undefined) {
        command.error(
          'error: --session needs --url: the server that this command starts has no sessions yet',
        );
      }
      const openSpecList = await Promise.all((options.spec ?? []).map((place) => readEntry(place)));
      const server =
        options.url === undefined ? await openOwnServer(settingsFor(options)) : remote(options.url);
      try {
        const client = await openChatClient({
          url: server.url,
          session: options.session,
          token: options.url === undefined ? undefined : (options.token ?? readConfig().authToken),
          capability: {
            openSpecList,
            ...(options.device && { devices: options.device }),
            ...(options.systemPrompt === undefined ? {} : { systemPrompt: options.systemPrompt }),
          },
          observer:
            options.json === true
              ? jsonLines
              : process.stdin.isTTY
                ? liveWatcher((text) => void process.stdout.write(text), hasColors(process.stdout))
                : {},
        });
        await converse(client, options.json === true);
        await client.close();
      } finally {
        await server.close();
      }
    });
}

/** A server of its own knows devices only with the database of the settings. */
function settingsFor({ device }: ChatOptions): NodeJS.Dict<string> {
  return device === undefined ? privately : onOwnDatabase;
}

/** A server in another process. Its address may have `/api` at the end, or not. */
function remote(address: string): Pick<OwnServer, 'url' | 'close'> {
  return { url: apiUrl(address), close: async () => {} };
}

/** Prints every envelope as it comes, one JSON value a line. */
const jsonLines: TurnObserver = {
  envelope: (envelope) => void process.stdout.write(`${JSON.stringify(envelope)}\n`),
};

/** Says line by line until the input ends. On a terminal Ctrl-C stops the running task, and without one it ends the chat. */
async function converse(client: ChatClient, json: boolean): Promise<void> {
  const terminal = process.stdin.isTTY;
  const colors = hasColors(process.stdout);
  const lines = createInterface({
    input: process.stdin,
    ...(terminal ? { output: process.stdout, prompt: paint('green', '> ', colors) } : {}),
    terminal,
  });
  // Ctrl-C while a task runs stops the task; otherwise it ends the chat, as people expect of a terminal.
  let busy = false;
  lines.on('SIGINT', () => {
    if (!busy) return lines.close();
    client.stop().catch((error: Error) => process.stderr.write(`lite-agent: ${error.message}\n`));
  });
  if (terminal) {
    process.stdout.write(paint('gray', `Session ${client.id}. Ctrl-C stops a task, Ctrl-D ends.\n`, colors));
    lines.prompt();
  }
  for await (const line of lines) {
    if (line.trim() !== '') {
      busy = true;
      const { answer, status, error } = await client.say(line.trim());
      busy = false;
      if (status === 'done') {
        if (!terminal && !json) process.stdout.write(`${answer}\n`);
      } else {
        process.stderr.write(`${status}${error === undefined ? '' : `: ${error.message}`}\n`);
        // A script has to learn that a task failed; on a terminal the person has seen it.
        if (!terminal) process.exitCode = 1;
      }
    }
    if (terminal) lines.prompt();
  }
}
