import { expect } from 'chai';
import { randomInt, randomUUID } from 'node:crypto';
import { startCrashDevice, type CrashDevice } from './crash-device.ts';
import { sentenceOf, startCrashModel, type CrashModel } from './crash-model.ts';
import { openCutLine, randomCuts } from './cut-line.ts';
import { randomFrom } from './random-from.ts';
import { openThreadServer, type Caller, type ThreadServer } from './threads.ts';

/** The seed of all cuts of a run. It stands in the titles of the specs, and `SEED=` repeats a run. */
export const cutSeed = Number(process.env['SEED'] ?? randomInt(1, 1_000_000));

/** A client in one conversation. What it does when its connection breaks is its own. */
export interface CutClient {
  /** Says a sentence, and goes on until it has the answer. */
  say(sentence: string): Promise<string>;
  /** All sentences and answers of the conversation as the server shows them, oldest first. */
  shown(): Promise<string[]>;
  /** Is called at the end of the day. */
  leave?(): Promise<void> | void;
}

/** A server with a user, a device that counts its calls, and a model that makes the calls that a sentence asks for. */
export interface CutWorld {
  readonly server: ThreadServer;
  readonly model: CrashModel;
  readonly device: CrashDevice;
  readonly ada: Caller;
  /** The field that gives a new conversation the device. */
  readonly devices: { openSpecList: { openSpec: string }[] };
  close(): Promise<void>;
}

export async function openCutWorld(env: Record<string, string> = {}): Promise<CutWorld> {
  const model = await startCrashModel(() => 0);
  const device = await startCrashDevice(() => 0);
  const server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'none', ...env });
  return {
    server,
    model,
    device,
    ada: await server.caller('ada'),
    devices: { openSpecList: [{ openSpec: JSON.stringify(device.document) }] },
    async close() {
      await server.close();
      await Promise.all([model.close(), device.close()]);
    },
  };
}

/** How a day goes. */
export interface CutDay {
  /** So many conversations at the same time, with so many sentences each. */
  talks?: number;
  turns?: number;
  /** The writes to the device that each sentence asks for; 0 where the client has no devices. */
  writes?: 0 | 1;
}

/**
 * Lets a client talk over a line whose connections all break at random. Then each sentence has one answer, each write has reached the
 * device once, and the conversation shows each message once.
 */
export async function liveUnderCuts(
  { server, device }: CutWorld,
  openClient: (url: string, talk: number) => Promise<CutClient>,
  { talks = 2, turns = 4, writes = 1 }: CutDay = {},
): Promise<void> {
  const line = await openCutLine(server.url, randomCuts(randomFrom(cutSeed)));
  try {
    await Promise.all(
      Array.from({ length: talks }, async (_, talk) => {
        const client = await openClient(line.url, talk);
        const tasks = Array.from({ length: turns }, () => randomUUID());
        const said: string[] = [];
        for (const taskId of tasks) said.push(await client.say(sentenceOf(taskId, writes, writes)));
        expect(said).to.deep.equal(tasks.map((taskId) => `done ${taskId}`));
        expect(tasks.map((taskId) => device.writes.get(`${taskId}.0.w0`)?.length ?? 0)).to.deep.equal(
          tasks.map(() => writes),
        );
        expect(await client.shown()).to.deep.equal(
          tasks.flatMap((taskId) => [sentenceOf(taskId, writes, writes), `done ${taskId}`]),
        );
        await client.leave?.();
      }),
    );
    expect(line.breaks).to.be.at.least(1);
  } finally {
    await line.close();
  }
}

/** Repeats a request until its answer has come whole; an answer of any status is one. */
export async function untilWhole<T>(request: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1)
    try {
      return await request();
    } catch (error) {
      if (tries === TRIES_MAX_COUNT || !isBroken(error)) throw error;
    }
}

/** Each connection breaks, some within the first bytes. */
const TRIES_MAX_COUNT = 40;

/** Whether a connection broke. `fetch` says so with a TypeError, clients with one as the cause, and a cut body may be no JSON. */
export function isBroken(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof SyntaxError) return true;
  if (!(error instanceof Error)) return false;
  return ('code' in error && String(error.code).startsWith('UND_ERR')) || isBroken(error.cause);
}
