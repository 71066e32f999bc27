import { signal } from '@preact/signals';
import { call, CallError } from '../api.ts';
import { newId } from '../new-id.ts';
import { SessionSocket, type ConnectionState } from './session-socket.ts';
import type { LiveFrame, LogEnvelope, Piece, ShownTurn } from './envelope.ts';
import { TurnLog, turnLogOf } from './turn-log.ts';

/** Pieces of an answer come faster than anybody reads. */
const SHOWN_WITHIN_MS = 25;
/** So many lines of the log are read first: thirty turns of a call each fill the screen, however long the log is. */
const FIRST_LINES = 150;
const READ_AGAIN_AFTER_MS = 2000;

/** A session on the screen: its turns, and the connection that brings new ones. */
export class Conversation {
  readonly id: string;
  readonly turns = signal<readonly ShownTurn[]>([]);
  readonly state = signal<ConnectionState>('connecting');
  /** Whether the history was read. */
  readonly isRead = signal(false);
  #log = new TurnLog();
  /** Undefined until the history was read. */
  #connection: SessionSocket | undefined;
  /** Set while the next drawing is due. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  /** The tasks that were given to a connection. */
  readonly #sent = new Set<string>();
  /** Whether the history has lines before those that were read. */
  #isPartial = false;
  /** The frames that came while the whole history is read. */
  #late: (LogEnvelope | LiveFrame)[] | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** Reads the history, then follows the session. Rejects with a CallError; the state is `gone` for a session that is not there. */
  async open(): Promise<void> {
    await this.#readFirst();
    if (this.#isClosed) return;
    this.#connection = new SessionSocket({
      session: this.id,
      since: () => this.#log.lastSeq,
      onFrame: (frame) => this.#take(frame as LogEnvelope | LiveFrame),
      onState: (state) => (this.state.value = state),
      onOpen: () => this.#sendAgain(),
      // The old lines are gone from the server; their turns must go from the page.
      onCleared: () => void this.#read().catch(() => undefined),
      exists: () => this.#exists(),
    });
    if (this.#isPartial) await this.#readBefore();
  }

  /** Ends the connection. The session goes on. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#connection?.close();
  }

  /** Says something. It is shown at once, and sent when there is a connection. */
  say(said: readonly Piece[]): void {
    const taskId = newId();
    this.#log.begin(taskId, said, Date.now());
    this.#send(taskId, said);
    this.#show();
  }

  /** Stops all tasks of the session. */
  async stop(): Promise<void> {
    await call('POST', `/api/stop?id=${encodeURIComponent(this.id)}`);
  }

  /** Reads the end of the history. While the server does not answer, it tries again every two seconds. */
  async #readFirst(): Promise<void> {
    while (!this.#isClosed)
      try {
        return await this.#read(FIRST_LINES);
      } catch (error) {
        const status = error instanceof CallError ? error.status : undefined;
        if (status === 404) this.state.value = 'gone';
        if (status !== 0) throw error;
        this.state.value = 'offline';
        await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_AFTER_MS));
      }
  }

  /** Reads the last lines of the history, or all of it. Messages that were never sent stay. */
  async #read(last?: number): Promise<void> {
    const envelopes = await this.#fetch(last);
    const unsent = this.#log.unanswered().filter(({ taskId }) => !this.#sent.has(taskId));
    const log = turnLogOf(envelopes, unsent);
    this.#log = log;
    this.#isPartial = envelopes[0]?.from !== 'system'; // the first envelope of every log is the system prompt
    this.isRead.value = true;
    this.turns.value = [...log.turns];
  }

  /** Reads the whole history, and goes on with what came over the socket in the meantime. */
  async #readBefore(): Promise<void> {
    this.#isPartial = false;
    const late: (LogEnvelope | LiveFrame)[] = [];
    this.#late = late;
    const whole = await this.#fetch().finally(() => (this.#late = undefined));
    this.#log = turnLogOf(whole, this.#log.unanswered());
    for (const frame of late) this.#apply(frame);
    this.#show();
  }

  #fetch(last?: number): Promise<LogEnvelope[]> {
    const query = new URLSearchParams({ id: this.id, ...(last !== undefined && { last: String(last) }) });
    return call<LogEnvelope[]>('GET', `/api/history?${query.toString()}`);
  }

  /** The same id is the same task: a message that arrived before the connection broke is not done twice. */
  #sendAgain(): void {
    for (const { taskId, said } of this.#log.unanswered()) this.#send(taskId, said);
  }

  #send(taskId: string, contentList: readonly Piece[]): void {
    if (this.#connection?.send({ taskId, contentList, stream: true })) this.#sent.add(taskId);
  }

  #take(frame: LogEnvelope | LiveFrame): void {
    // Applied now, and once more on the whole history: the history may have been read before it came.
    this.#late?.push(frame);
    this.#apply(frame);
    this.#show();
  }

  #apply(frame: LogEnvelope | LiveFrame): void {
    if ('seq' in frame && 'from' in frame) this.#log.take(frame);
    // The log ends before the position of this page, as after the restoring of a backup: everything is read again.
    else if ('code' in frame && frame.code === 'position_unknown') void this.#read().catch(() => undefined);
    else this.#log.takeLive(frame);
  }

  /** Shows the turns soon: many envelopes may come until then. */
  #show(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.turns.value = [...this.#log.turns];
    }, SHOWN_WITHIN_MS);
  }

  async #exists(): Promise<boolean> {
    try {
      const rows = await call<{ id: string }[]>('GET', '/api/sessions');
      return rows.some(({ id }) => id === this.id) || (await this.#isKnown());
    } catch {
      return true; // nobody knows while the server is silent
    }
  }

  /** A session that is not in the list may be another user's, which an operator may see. */
  async #isKnown(): Promise<boolean> {
    return call('GET', `/api/history?id=${encodeURIComponent(this.id)}`).then(
      () => true,
      (error: unknown) => !(error instanceof CallError && error.status === 404),
    );
  }
}
