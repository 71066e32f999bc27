import type { Feed } from './feed.ts';
import type { Message, MessageBody } from './message.ts';
import type { Claim, Store, StoredSession, TaskChange } from './store.ts';
import { openTranscript } from './transcript.ts';
import type { Transcript } from './transcript.ts';

export interface LogOptions {
  stored: StoredSession;
  standing: Claim;
  /** Its only line, when it was just made. */
  first?: Message | undefined;
  store: Store;
  feed: Feed;
  /** All of the log, for the transcript. */
  readAll(): Promise<Message[]>;
  /** A task's end is committed: called before anybody is told, so that whoever sees it may send the next task at once. */
  ended(taskId: string): void;
  /** It could not be written (another node took over, or the store failed): nothing more can be. */
  lost(error: unknown): void;
}

/** A session's log in the hands of its only writer: the one place that makes a message. */
export interface Log {
  /** The number and time (ms) of the last line. */
  readonly lastSeq: number;
  readonly lastTime: number;
  /** Numbers the lines, stores them, then tells the followers; they are committed when it resolves. */
  append(bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]>;
  /** Resolves when all that was appended so far is committed and told, or has failed. */
  settled(): Promise<void>;
  /** Begins afresh: everything before is gone. */
  clear(): Promise<void>;
  /** The conversation so far, kept up to date. */
  transcript(): Promise<Transcript>;
  /** Passes a work of the store on; when it fails, nothing more can be written. */
  written<T>(work: Promise<T>): Promise<T>;
  /** Forgets the transcript; it is loaded again when it is needed. */
  rest(): void;
}

/** The log of a session that was just claimed. */
export function openLog({ stored, standing, first, store, feed, readAll, ended, lost }: LogOptions): Log {
  const { id, config } = stored;
  const { epoch } = standing;
  let { lastSeq, lastTime } = standing;
  let settled = Promise.resolve();
  let transcript = first && Promise.resolve(transcriptOf([first]));

  async function written<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      lost(error);
      throw error;
    }
  }

  async function load(): Promise<Transcript> {
    return transcriptOf(await written(readAll()));
  }

  async function append(bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]> {
    const time = Date.now();
    const messages = bodies.map((body): Message => ({ ...body, seq: (lastSeq += 1), time }));
    await written(store.append(id, epoch, messages, change));
    lastTime = time;
    const known = await transcript;
    if (change && 'ended' in change) ended(change.ended);
    if (known) for (const message of messages) known.add(message);
    feed.tell(messages);
    return messages;
  }

  return {
    get lastSeq() {
      return lastSeq;
    },
    get lastTime() {
      return lastTime;
    },
    append(bodies, change) {
      const appended = append(bodies, change);
      settled = appended.then(
        () => undefined,
        () => undefined, // whoever appended hears of it
      );
      return appended;
    },
    settled: () => settled,
    async clear() {
      const { systemPrompt } = config;
      const first: Message = { type: 'session_started', systemPrompt, seq: (lastSeq += 1), time: Date.now() };
      transcript = Promise.resolve(transcriptOf([first]));
      await written(store.clear(id, epoch, first));
      lastTime = first.time;
      feed.tell([first]);
    },
    transcript: () => (transcript ??= load()),
    written,
    rest() {
      transcript = undefined;
    },
  };
}

function transcriptOf(messages: readonly Message[]): Transcript {
  const transcript = openTranscript();
  for (const message of messages) transcript.add(message);
  return transcript;
}
