import { sleep } from '../../common/deadline.ts';
import { toError } from '../../errors.ts';
import { isBroadcast, isExchangeFailure } from './connection.ts';
import { endpointName, isSerialLine, type Endpoint } from './endpoint.ts';
import {
  nextAttemptOf,
  noteSuspicion,
  replyFor,
  startAttempt,
  timeoutFailure,
  type Exchange,
} from './exchange.ts';
import { createJob, type BusCall, type Job } from './job.ts';
import { ModbusLine, type ModbusLineOptions } from './line.ts';
import { LoopTurns } from './loop-turns.ts';
import { isRead, type ExchangeFailure, type ModbusReply, type ModbusRequest } from './request.ts';
import { isDeviceException, ModbusStatus } from './status.ts';
import { WaitingJobs } from './waiting-jobs.ts';

const WAITING_MAX_COUNT = 256;
/** So many time-outs in a row mean that the connection is no good. */
const TIMEOUTS_IN_A_ROW_MAX = 3;
/** Nobody answers a broadcast: it is done after this time [contract OpenModbus: The bus]. */
const BROADCAST_MS = 100;
/** A serial line is quiet when nothing arrives for this time. */
const QUIET_MS = 50;
const QUIET_MAX_MS = 1000;
/** How long `close` waits for the requests that are on their way. */
const CLOSE_MS = 1000;
/** Nobody answered a write: a broadcast, or a write that only the line itself repeated. */
const UNANSWERED: ModbusReply = { registers: [], bits: [], confirmed: 'none' };

/**
 * The one way to an endpoint for the whole process: a queue before a line.
 *
 * A call becomes a job. The job waits in the queue (`call`), is sent alone or with its neighbours (`#start`), and ends
 * with a reply (`#deliver`), a failure (`#end`) or a time-out (`#onTimeout`). After each of these steps `#pump` starts
 * the next jobs.
 */
export class ModbusBus {
  readonly endpoint: Endpoint;
  readonly #isSerialLine: boolean;
  readonly #activeMaxCount: number;
  readonly #line: ModbusLine;
  readonly #waiting: WaitingJobs;
  /** The requests on their way, by slot of the connection. */
  readonly #active = new Map<number, Exchange>();
  readonly #turns = new LoopTurns(() => this.#pump());
  #timeoutsInARow = 0;
  #soon: NodeJS.Immediate | undefined;
  #closing = false;
  /** Called when the last exchange has ended. */
  #onIdle: (() => void) | undefined;

  /** A bus opens nothing before the first call. */
  constructor(endpoint: Endpoint, options: ModbusLineOptions) {
    this.endpoint = endpoint;
    this.#waiting = new WaitingJobs(endpointName(endpoint));
    this.#isSerialLine = isSerialLine(endpoint);
    this.#activeMaxCount = endpoint.type === 'tcp' && !this.#isSerialLine ? endpoint.bus.maxInFlight : 1;
    this.#line = new ModbusLine(endpoint, options, {
      changed: () => this.#pump(),
      outcome: (slot, outcome) => this.#onSlotOutcome(slot, outcome),
      suspect: (slot, failure, isOver) => this.#onSuspect(slot, failure, isOver),
      resting: () => this.resting,
      unreachable: (reason) =>
        this.#waiting.refuseAll(ModbusStatus.CANNOT_CONNECT, `cannot be reached: ${reason}`),
      lost: (failure) => this.#onLost(failure),
      broken: (failure) => this.#onBroken(failure),
    });
  }

  /** True when nothing waits and nothing is on its way. */
  get resting(): boolean {
    return this.#waiting.size === 0 && this.#active.size === 0;
  }

  /** True when nothing waits, nothing is open, and no back-off has to be remembered. */
  get unused(): boolean {
    return this.resting && this.#line.unused;
  }

  /** The last reply of a call; rejects with a ModbusError, or with the error of `nextRequest`. */
  call(call: BusCall): Promise<ModbusReply> {
    const { promise, job } = createJob(call);
    if (this.#closing) this.#waiting.refuse(job, ModbusStatus.CANCELLED, 'is shut down');
    else if (call.signal.aborted) this.#waiting.reject(job, ModbusStatus.CANCELLED, 'was cancelled');
    else if (this.#waiting.size >= WAITING_MAX_COUNT)
      this.#waiting.refuse(job, ModbusStatus.QUEUE_FULL, `has ${WAITING_MAX_COUNT} calls waiting already`);
    else this.#enqueue(job);
    return promise;
  }

  /**
   * Rejects the calls that wait, lets those on their way finish for a second, and closes the line. With `gently` the device
   * has seen the end of the connection when it resolves.
   */
  async close(gently = false): Promise<void> {
    this.#closing = true;
    clearImmediate(this.#soon);
    this.#turns.stop();
    this.#waiting.refuseAll(ModbusStatus.CANCELLED, 'is shut down');
    if (this.#active.size > 0) {
      const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
      await Promise.race([idle, sleep(CLOSE_MS)]);
    }
    const what = 'got no answer before the shutdown';
    for (const exchange of this.#active.values())
      this.#end(exchange, { status: ModbusStatus.BAD_RESPONSE, what }, false);
    await this.#line.close(gently);
  }

  /** Puts a job into the queue of its party, and starts it when the line is free. */
  #enqueue(job: Job): void {
    const { call } = job;
    // A read that can be sent at once needs no deadline for waiting.
    const isFree = this.#line.ready !== undefined && this.resting;
    this.#waiting.push(job, !isFree || call.coalesce || !isRead(call.request));
    if (!call.coalesce) return this.#pump();
    // Neighbours that are asked for in the same moment go in one request.
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined;
      this.#pump();
    });
  }

  /** Starts as many jobs as may be on their way; wakes the line when there is something to send. */
  #pump(): void {
    const next = this.#waiting.peek();
    if (next !== undefined) {
      const blocked = this.#line.wake(next.call.connectTimeoutMs, next.attempts > 0);
      if (blocked !== undefined)
        this.#waiting.refuseAll(ModbusStatus.CANNOT_CONNECT, `cannot be reached: ${blocked}`);
    }
    while (this.#mayStart()) {
      const taken = this.#waiting.take();
      if (taken !== undefined && taken.jobs.length > 0) this.#start(taken.jobs, taken.request);
    }
    if (this.resting) this.#line.rest();
  }

  /** Whether the next job may be sent now. */
  #mayStart(): boolean {
    const next = this.#waiting.peek();
    const activeMaxCount = this.#line.answersOnce ? 1 : this.#activeMaxCount;
    if (next === undefined || this.#line.ready === undefined || this.#active.size >= activeMaxCount)
      return false;
    // Requests that belong together go alone, so that nothing comes between them.
    const [running] = this.#active.values();
    const isAlone = next.call.nextRequest !== undefined || running?.jobs[0]?.call.nextRequest !== undefined;
    if (running !== undefined && isAlone) return false;
    return isRead(next.request) || this.endpoint.type !== 'tcp' || this.#turns.pass();
  }

  /** Sends a request on the first free slot, and starts the time for its reply. */
  #start(jobs: readonly Job[], request: ModbusRequest): void {
    const connection = this.#line.ready;
    if (connection === undefined) return;
    let slot = 1;
    while (this.#active.has(slot)) slot++;
    const replyMs = startAttempt(jobs, request);
    const ms = isBroadcast(this.endpoint, request) ? BROADCAST_MS : replyMs;
    const endsAt = performance.now() + ms;
    const rest = { timer: undefined, suspicion: undefined };
    const exchange: Exchange = { connection, slot, request, jobs, ms, endsAt, ...rest };
    this.#active.set(slot, exchange);
    // A plain timer and no deadline of lib/common: this runs once a request, and a deadline makes three promises.
    exchange.timer = setTimeout(() => this.#onTimeout(exchange), ms);
    connection.send(slot, request);
  }

  #onSlotOutcome(slot: number, outcome: ModbusReply | ExchangeFailure): void {
    const exchange = this.#active.get(slot);
    // A broadcast ends by its time alone.
    if (exchange !== undefined && !isBroadcast(this.endpoint, exchange.request))
      this.#onOutcome(exchange, outcome);
  }

  #onSuspect(slot: number, failure: ExchangeFailure, isOver: boolean): void {
    const exchange = this.#active.get(slot);
    if (exchange !== undefined && !isBroadcast(this.endpoint, exchange.request))
      noteSuspicion(exchange, failure, isOver, () => this.#onTimeout(exchange));
  }

  /** A reply or a failure came: the jobs end, and the next ones start. */
  #onOutcome(exchange: Exchange, outcome: ModbusReply | ExchangeFailure): void {
    if (!isExchangeFailure(outcome)) {
      this.#noteAnswer();
      this.#leave(exchange);
      for (const job of exchange.jobs) this.#deliver(job, replyFor(job, exchange, outcome));
    } else {
      if (isDeviceException(outcome.status)) this.#noteAnswer();
      this.#end(exchange, outcome, true);
    }
    this.#pump();
  }

  /**
   * Gives a reply to its job. A job with another request goes to the front of the queue: no other call comes between. With
   * `failure` the reply is not enough to end the job well.
   */
  #deliver(job: Job, reply: ModbusReply, failure?: ExchangeFailure): void {
    try {
      const next = job.call.nextRequest?.(reply);
      if (next === undefined && failure !== undefined)
        return this.#waiting.reject(job, failure.status, failure.what);
      if (next === undefined) return job.resolve(reply);
      job.request = next;
      job.attempts = 0;
    } catch (error) {
      return job.reject(toError(error));
    }
    if (job.call.signal.aborted && !job.written)
      this.#waiting.reject(job, ModbusStatus.CANCELLED, 'was cancelled');
    else this.#waiting.pushFront(job);
  }

  /** No reply in time: the exchange ends, and a worn connection is replaced. */
  #onTimeout(exchange: Exchange): void {
    const { connection, slot, ms, request, jobs } = exchange;
    const abandoned = connection.abandon(slot);
    if (isBroadcast(this.endpoint, request)) return this.#onOutcome(exchange, UNANSWERED);
    const failure = timeoutFailure(exchange, abandoned, this.#isSerialLine);
    const isSilent = failure.status === ModbusStatus.TIMED_OUT;
    if (isSilent) this.#timeoutsInARow++;
    this.#leave(exchange);
    // Replies on a serial line carry no id: a late one must have passed before the next request.
    if (this.#isSerialLine) this.#line.hold(Math.min(Math.max(ms / 2, 2 * QUIET_MS), QUIET_MAX_MS), true);
    const isWorn =
      this.#timeoutsInARow >= TIMEOUTS_IN_A_ROW_MAX ||
      failure.status === ModbusStatus.WRONG_CHECKSUM ||
      (abandoned.begun && !this.#isSerialLine);
    if (this.endpoint.type !== 'serial' && isWorn) this.#replaceConnection();
    // The read that verifies a write tells more than an echo of the line.
    if (abandoned.echoed && !isRead(request)) for (const job of jobs) this.#deliver(job, UNANSWERED, failure);
    else this.#end(exchange, failure, true);
    this.#pump();
  }

  /** Drops a connection that does not answer any more, with everything on it. */
  #replaceConnection(): void {
    this.#timeoutsInARow = 0;
    this.#line.drop();
    const what = 'got no answer: the connection was replaced';
    for (const other of this.#active.values())
      this.#end(other, { status: ModbusStatus.BAD_RESPONSE, what }, true);
  }

  /** The other side closed: reads are sent again on a new connection; the fate of a write that left is unknown. */
  #onLost(failure: ExchangeFailure): void {
    for (const exchange of this.#active.values()) this.#end(exchange, failure, true);
    this.#pump();
  }

  /** The bytes make no sense: a serial line must fall silent, any other connection is replaced. */
  #onBroken(failure: ExchangeFailure): void {
    if (this.endpoint.type === 'serial') this.#line.hold(QUIET_MS, true);
    else this.#line.drop();
    for (const exchange of this.#active.values()) {
      if (!isBroadcast(this.endpoint, exchange.request)) this.#end(exchange, failure, true);
    }
    this.#pump();
  }

  /** Ends an exchange without a good reply: its jobs are tried again where that is safe, else they are rejected. */
  #end(exchange: Exchange, { status, what }: ExchangeFailure, retry: boolean): void {
    this.#leave(exchange);
    const isForeign = status >= ModbusStatus.WRONG_UNIT && status <= ModbusStatus.WRONG_CHECKSUM;
    if (this.#isSerialLine && isForeign) this.#line.hold(QUIET_MS, true);
    for (const job of exchange.jobs) {
      const next = retry && !this.#closing ? nextAttemptOf(job, exchange, status) : undefined;
      if (next === undefined) this.#waiting.reject(job, status, what);
      else this.#waiting.pushFront(Object.assign(job, next));
    }
  }

  /** Frees the slot of an exchange. */
  #leave(exchange: Exchange): void {
    clearTimeout(exchange.timer);
    this.#active.delete(exchange.slot);
    this.#line.hold(this.endpoint.bus.requestDelay, false);
    if (this.#active.size === 0) this.#onIdle?.();
  }

  #noteAnswer(): void {
    this.#timeoutsInARow = 0;
    this.#line.noteAnswer();
  }
}
