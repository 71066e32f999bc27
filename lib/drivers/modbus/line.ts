import { messageOf } from '../../errors.ts';
import { ModbusConnection, type ModbusConnectionEvents } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import { createLineTraits, type LineTraits } from './line-traits.ts';
import type { ModbusClass } from './modbus-serial.ts';
import type { ExchangeFailure } from './request.ts';
import { ModbusStatus } from './status.ts';
import { openTransport, type TransportOptions } from './transport.ts';

/** The events of a line, for the bus over it. */
interface ModbusLineEvents extends ModbusConnectionEvents {
  /** A request may be sent now, or the line may be opened now. */
  changed(): void;
  /** The line could not be opened. */
  unreachable(reason: string): void;
  /** The other side closed the connection. */
  lost(failure: ExchangeFailure): void;
  /** Asks whether nothing waits and nothing is on its way. */
  resting(): boolean;
}

/** The things that a line needs to open a connection. */
export interface ModbusLineOptions extends Omit<TransportOptions, 'signal'> {
  loadModbus: () => Promise<ModbusClass>;
  /** The habits of the line that are known already. */
  traits?: LineTraits;
  /** The line opens nothing before this has ended: another line to the same device, which closes. */
  after?: Promise<void>;
}

/** Why a line is silent: between two requests, until no bytes arrive, after connecting, or until the device closes. */
type HoldReason = 'delay' | 'quiet' | 'connect' | 'closing';

const BACKOFF_MS = 250;
const BACKOFF_MAX_MS = 10_000;
/** A device that closes after each answer does so within this time. */
const CLOSES_WITHIN_MS = 100;

/**
 * The connection to one endpoint: opened when it is needed, held silent when the line must settle, closed when idle. A line
 * that could not be opened backs off: it is not tried again for a while.
 *
 * A line is away, opening, ready, held, or closing. `wake` opens a line that is away; `hold` keeps a ready line silent for a
 * while; `rest` starts the idle time, and `drop` closes at once. `changed` informs the bus of each change.
 */
export class ModbusLine {
  readonly #endpoint: Endpoint;
  readonly #options: ModbusLineOptions;
  readonly #events: ModbusLineEvents;
  readonly #shutdown = new AbortController();
  #connection: ModbusConnection | undefined;
  /** Set while the line opens or closes. */
  #changing: Promise<void> | undefined;
  /** Set while nothing may be sent. */
  #held: { timer: NodeJS.Timeout; reason: HoldReason } | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  readonly #traits: LineTraits;
  /** The valid answers of this connection, and the time of the last one. */
  #answerCount = 0;
  #answeredAt = 0;
  #failureCount = 0;
  #blockedUntil = 0;
  #lastFailure = '';

  constructor(endpoint: Endpoint, options: ModbusLineOptions, events: ModbusLineEvents) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#events = events;
    this.#traits = options.traits ?? createLineTraits();
  }

  /** The connection, when a request may be sent now. */
  get ready(): ModbusConnection | undefined {
    return this.#changing === undefined && this.#held === undefined ? this.#connection : undefined;
  }

  /** True when there is no connection, none on its way, and no back-off to remember. */
  get unused(): boolean {
    return this.#isAway && performance.now() >= this.#blockedUntil;
  }

  /** The device closes the connection after each answer: a second request on its way would be lost. */
  get answersOnce(): boolean {
    return this.#traits.closesAfterAnswer;
  }

  get #isAway(): boolean {
    return this.#connection === undefined && this.#changing === undefined && this.#held === undefined;
  }

  /**
   * Opens the line if that is needed and may be tried now; else gives the reason why it may not. A request that is sent
   * again does not wait for the back-off: its document limits how often that happens.
   */
  wake(connectTimeoutMs: number, isRetry: boolean): string | undefined {
    if (!this.#isAway) return undefined;
    const pauseMs = Math.ceil(this.#blockedUntil - performance.now());
    if (pauseMs > 0 && !isRetry) return `${this.#lastFailure} (next attempt in ${pauseMs} ms)`;
    this.#change(this.#open(connectTimeoutMs));
    return undefined;
  }

  /** Sends nothing for a time. With `untilQuiet` the time starts again with every byte that arrives. */
  hold(ms: number, untilQuiet: boolean): void {
    this.#hold(ms, untilQuiet ? 'quiet' : 'delay');
  }

  #hold(ms: number, reason: HoldReason): void {
    if (ms === 0 || (this.#held !== undefined && reason === 'delay')) return;
    clearTimeout(this.#held?.timer);
    const release = (): void => {
      this.#held = undefined;
      // The device kept the connection this time, so it may be used again.
      if (reason === 'closing') this.#traits.closesAfterAnswer = false;
      this.#events.changed();
    };
    this.#held = { timer: setTimeout(release, ms), reason };
  }

  /** Notes a valid answer: the connection is good. */
  noteAnswer(): void {
    this.#answerCount++;
    this.#answeredAt = performance.now();
    this.#failureCount = 0;
    // A request that left now would meet the end of the connection, and nobody would know the fate of a write.
    if (this.#traits.closesAfterAnswer) this.#hold(CLOSES_WITHIN_MS, 'closing');
  }

  /** Drops a connection that is no good any more. */
  drop(): void {
    // A device that allows one connection must have seen the old one close before it sees the next.
    this.#leave(true);
  }

  /** Notes that there is nothing to send: the line closes after the idle time. */
  rest(): void {
    const { idleTimeout } = this.#endpoint.bus;
    if (this.#connection === undefined) return;
    if (idleTimeout === 0) return this.#leave(true);
    // An idle connection is no reason for the process to live on.
    if (this.#idleTimer === undefined)
      this.#idleTimer = setTimeout(() => this.#closeWhenIdle(), idleTimeout).unref();
    else this.#idleTimer.refresh();
  }

  /** Closes the line, also while it opens. With `gently` it waits for the device's end of the connection. */
  async close(gently: boolean): Promise<void> {
    this.#shutdown.abort(new Error('shut down'));
    clearTimeout(this.#held?.timer);
    this.#held = undefined;
    await this.#changing;
    this.#leave(gently);
    await this.#changing;
  }

  /** Opens the connection; a failure starts the back-off. */
  async #open(connectTimeoutMs: number): Promise<void> {
    const events = {
      data: (chunk: Buffer) => this.#onData(chunk),
      closed: (reason: string, unsent: boolean) => this.#onClosed(reason, unsent),
    };
    try {
      await this.#options.after;
      const Modbus = await this.#options.loadModbus();
      const options = { ...this.#options, signal: this.#shutdown.signal };
      const transport = await openTransport(this.#endpoint, options, events, connectTimeoutMs);
      this.#connection = new ModbusConnection(Modbus, this.#endpoint, transport, this.#events, this.#traits);
      this.#answerCount = 0;
      // Some devices swallow the requests of their first seconds [contract OpenModbus: Extensions].
      this.#hold(this.#endpoint.bus.delayAfterConnect ?? 0, 'connect');
    } catch (error) {
      this.#backOff(messageOf(error));
      this.#events.unreachable(this.#lastFailure);
    }
  }

  /** Remembers that the line opens or closes, and informs the bus at the end. */
  #change(work: Promise<void>): void {
    this.#changing = work.then(() => {
      this.#changing = undefined;
      this.#events.changed();
    });
  }

  /** Doubles the pause before the next attempt with each failure, from 250 ms to 10 s. */
  #backOff(reason: string): void {
    const pauseMs = Math.min(BACKOFF_MS * 2 ** this.#failureCount, BACKOFF_MAX_MS);
    this.#blockedUntil = performance.now() + pauseMs;
    this.#failureCount++;
    this.#lastFailure = reason;
  }

  #onData(chunk: Buffer): void {
    if (this.#held?.reason === 'quiet') this.#held.timer.refresh();
    else this.#connection?.receive(chunk);
  }

  /** The other side closed the connection. */
  #onClosed(reason: string, unsent: boolean): void {
    this.#connection = undefined;
    this.#stopTimers();
    const sinceAnswerMs = performance.now() - this.#answeredAt;
    // A false suspicion costs one pause: a device that keeps the next connection is trusted again.
    if (this.#answerCount > 0 && sinceAnswerMs < CLOSES_WITHIN_MS) this.#traits.closesAfterAnswer = true;
    // A device that accepts and closes again is as good as one that refuses.
    if (this.#answerCount === 0) this.#backOff(reason);
    const status = unsent ? ModbusStatus.LOST_WHILE_SENDING : ModbusStatus.BAD_RESPONSE;
    this.#events.lost({ status, what: `got no answer: ${reason}` });
  }

  /** Closes the line at the end of the idle time. */
  #closeWhenIdle(): void {
    this.#idleTimer = undefined;
    // The timer is not stopped for every request: one may be on its way.
    if (this.#events.resting()) this.#leave(true);
  }

  /** Gives the connection up and closes it. */
  #leave(gently: boolean): void {
    if (this.#connection === undefined) return;
    this.#stopTimers();
    const { transport } = this.#connection;
    this.#connection = undefined;
    this.#change(transport.close(gently));
  }

  /** Stops the timers that belong to a connection. The silence between two requests goes on without it. */
  #stopTimers(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    const reason = this.#held?.reason;
    if (reason !== 'connect' && reason !== 'closing') return;
    clearTimeout(this.#held?.timer);
    this.#held = undefined;
    this.hold(this.#endpoint.bus.requestDelay, false);
  }
}
