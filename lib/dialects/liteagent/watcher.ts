import { randomUUID } from 'node:crypto';
import type { Message } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { AcceptedTask, Delta, EndReason, NewTask, Subscriber, Session } from '../../core/session.ts';
import type { Approvals } from '../../devices/approvals.ts';
import { encodeFrames } from '../../server/frame.ts';
import type { Log } from '../../log.ts';
import type { Peer, Receiver } from '../../server/socket.ts';
import { toAppError } from '../../server/status.ts';
import { checkSpeaking } from '../speaking.ts';
import type { Encoder } from './encoder.ts';
import { endOf, positionOf } from './envelope.ts';
import type { Frame, FrameParser } from './frames.ts';

const pong = encodeFrames(['pong']);

/** The close codes for the reasons of a session (contract 1): 4000 + HTTP status, where there is one. */
const closings = {
  cleared: [1000, 'cleared'],
  expired: [4408, 'the session has expired'],
  removed: [4404, 'the session was removed'],
  draining: [1012, 'the server is going down: connect again with since'],
} as const satisfies Record<EndReason, readonly [number, string]>;

/** The parts of one socket. */
export interface WatcherOptions {
  session: Session;
  caller: Principal;
  peer: Peer;
  encoder: Encoder;
  parse: FrameParser;
  approvals: Pick<Approvals, 'decide'>;
  log: Log;
  /** The client has seen everything up to this position; undefined: it wants live messages only. */
  since: number | undefined;
  /** True when the log has no line of that position, nor a later one: then the client gets live messages only, and an error frame. */
  isUnknown?: boolean;
}

/** One socket of a session: takes the user's messages, and shows the lines of the log. A class, as every socket has one. */
export class Watcher implements Receiver, Subscriber {
  readonly #session: Session;
  readonly #caller: Principal;
  readonly #peer: Peer;
  readonly #encoder: Encoder;
  readonly #parse: FrameParser;
  readonly #approvals: Pick<Approvals, 'decide'>;
  readonly #log: Log;
  /** Set until the first lines arrive: the client may have seen a part of them. */
  #since: number | undefined;
  readonly #leave: () => void;

  /** Subscribes at once: from here on no line is missed. */
  constructor(options: WatcherOptions) {
    const { session, caller, peer, encoder, parse, approvals, log, since, isUnknown = false } = options;
    this.#approvals = approvals;
    this.#session = session;
    this.#caller = caller;
    this.#peer = peer;
    this.#encoder = encoder;
    this.#parse = parse;
    this.#log = log;
    this.#since = since;
    if (isUnknown) this.positionUnknown();
    // The client may have seen only some envelopes of that line, so it is read again.
    const after = since === undefined || isUnknown ? undefined : Math.max(0, positionOf(since).line - 1);
    this.#leave = session.subscribe(this, after);
  }

  /** Sends lines. While the promise is pending, the log is not read for this socket. */
  messages(batch: readonly Message[]): void | Promise<void> {
    const frames = this.#encoder.lines(this.#session.id, batch, this.#since);
    this.#since = undefined;
    if (frames.length > 0) this.#peer.send(frames);
    return this.#peer.drained();
  }

  delta(delta: Delta): void {
    this.#peer.send(this.#encoder.delta(delta));
  }

  /** The log ends before the client's position (contract 1, "Reconnect"): the store was restored from a backup, say. */
  positionUnknown(): void {
    this.#since = undefined; // otherwise new lines with lower numbers would be left out
    const message =
      'The history of this session ends before the position in "since". You get new messages only: read /api/history for the others.';
    this.#show({ type: 'error', code: 'position_unknown', message });
  }

  ended(reason: EndReason): void {
    const [code, text] = closings[reason];
    this.#peer.close(code, text);
  }

  /** A frame of the client. One that cannot be parsed gets an error frame, and the socket stays open. */
  text(text: string): Promise<void> | void {
    try {
      return this.#take(this.#parse(text));
    } catch (error) {
      this.#fail(error);
    }
  }

  refused(reason: string): void {
    this.#show({ type: 'error', code: 'invalid_request', message: reason });
  }

  closed(): void {
    this.#leave();
  }

  /** Carries a frame out. While its promise is pending, the socket is read no further. It never rejects: a refusal is an error frame. */
  #take(frame: Frame): Promise<void> | void {
    if (frame.type === 'ping') {
      this.#peer.send(pong);
      return undefined;
    }
    if (frame.type === 'approval') {
      const { id, decision, reason } = frame;
      // The log has the decision. Only a refusal goes to this socket alone.
      return this.#approvals.decide(this.#caller, id, { decision, reason }).then(
        () => undefined,
        (error: unknown) => this.#fail(error, undefined, id),
      );
    }
    // The id is made here, so that a refusal has it, too.
    const { taskId = randomUUID() } = frame.task;
    return this.#submit({ ...frame.task, taskId, fresh: frame.task.taskId === undefined }).then(
      // A client that connects again with this position gets every envelope of the task.
      (accepted) => {
        if (frame.ack) this.#show({ type: 'ack', taskId: accepted.taskId, seq: endOf(accepted.seq) });
      },
      (error: unknown) => this.#fail(error, taskId),
    );
  }

  /** Submits a task. A fault of the caller's rights is a rejection like any other. */
  async #submit(task: NewTask): Promise<AcceptedTask> {
    checkSpeaking(this.#caller, this.#session.config);
    return this.#session.submit(task);
  }

  /** Shows a refusal to this socket alone. It is not in the history. `id` is that of an approval. */
  #fail(error: unknown, taskId?: string, id?: string): void {
    const { code, message, cause } = toAppError(error);
    if (code === 'internal') this.#log.error({ err: cause ?? error, session_id: this.#session.id }, message);
    this.#show({
      type: 'error',
      code,
      message,
      ...(taskId !== undefined && { taskId }),
      ...(id !== undefined && { id }),
    });
  }

  #show(frame: object): void {
    this.#peer.send(encodeFrames([JSON.stringify(frame)]));
  }
}
