import { sleep } from '../../common/deadline.ts';
import { toError } from '../../errors.ts';
import { joinReads } from './coalesce.ts';
import { isBroadcast, isExchangeFailure } from './connection.ts';
import { endpointName, isSerialLine, type Endpoint } from './endpoint.ts';
import { mayJoin, nextAttemptOf, replyFor, startAttempt, type Exchange } from './exchange.ts';
import { createJob, jobErrorOf, startWaiting, type BusCall, type Job } from './job.ts';
import { ModbusLine, type ModbusLineOptions } from './line.ts';
import { createFairQueue } from './queue.ts';
import { ModbusError, type ExchangeFailure, type ModbusReply, type ModbusRequest } from './request.ts';
import { isDeviceException, ModbusStatus, type StatusCode } from './status.ts';

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

/**
 * The one way to an endpoint for the whole process: a queue before a line.
 *
 * A call becomes a job. The job waits in the queue (`call`), is sent alone or with its neighbours (`#start`), and ends
 * with a reply (`#deliver`), a failure (`#end`) or a time-out (`#onTimeout`). After each of these steps `#pump` starts
 * the next jobs.
 */
export class ModbusBus {
  readonly endpoint: Endpoint;
  readonly #name: string;
  readonly #isSerialLine: boolean;
  readonly #activeMaxCount: number;
  readonly #line: ModbusLine;
  readonly #queue = createFairQueue<Job>();
  /** The requests on their way, by slot of the connection. */
  readonly #active = new Map<number, Exchange>();
  #timeoutsInARow = 0;
  #soon: NodeJS.Immediate | undefined;
  #closing = false;
  /** Called when the last exchange has ended. */
  #onIdle: (() => void) | undefined;

  /** A bus opens nothing before the first call. */
  constructor(endpoint: Endpoint, options: ModbusLineOptions) {
    this.endpoint = endpoint;
    this.#name = endpointName(endpoint);
    this.#isSerialLine = isSerialLine(endpoint);
    this.#activeMaxCount = endpoint.type === 'tcp' && !this.#isSerialLine ? endpoint.bus.maxInFlight : 1;
    this.#line = new ModbusLine(endpoint, options, {
      changed: () => this.#pump(),
      outcome: (slot, outcome) => this.#onSlotOutcome(slot, outcome),
      resting: () => this.#active.size === 0 && this.#queue.size === 0,
      unreachable: (reason) =>
        this.#refuseWaiting(ModbusStatus.CANNOT_CONNECT, `cannot be reached: ${reason}`),
      lost: (failure) => this.#onLost(failure),
      broken: (failure) => this.#onBroken(failure),
    });
  }

  /** True when nothing waits, nothing is open, and no back-off has to be remembered. */
  get unused(): boolean {
    return this.#queue.size === 0 && this.#active.size === 0 && this.#line.unused;
  }

  /** The last reply of a call; rejects with a ModbusError, or with the error of `nextRequest`. */
  call(call: BusCall): Promise<ModbusReply> {
    const { promise, job } = createJob(call);
    if (this.#closing) this.#refuse(job, ModbusStatus.CANCELLED, 'is shut down');
    else if (call.signal.aborted) this.#reject(job, ModbusStatus.CANCELLED, 'was cancelled');
    else if (this.#queue.size >= WAITING_MAX_COUNT)
      this.#refuse(job, ModbusStatus.QUEUE_FULL, `has ${WAITING_MAX_COUNT} calls waiting already`);
    else this.#enqueue(job);
    return promise;
  }

  /** Rejects the calls that wait, lets those on their way finish for a second, and closes the line. */
  async close(): Promise<void> {
    this.#closing = true;
    clearImmediate(this.#soon);
    this.#refuseWaiting(ModbusStatus.CANCELLED, 'is shut down');
    if (this.#active.size > 0) {
      const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
      await Promise.race([idle, sleep(CLOSE_MS)]);
    }
    const what = 'got no answer before the shutdown';
    for (const exchange of this.#active.values())
      this.#end(exchange, { status: ModbusStatus.BAD_RESPONSE, what }, false);
    await this.#line.close();
  }

  /** Puts a job into the queue of its party, and starts it when the line is free. */
  #enqueue(job: Job): void {
    const { call } = job;
    const isFree = this.#line.ready !== undefined && this.#active.size === 0 && this.#queue.size === 0;
    this.#queue.push(call.party, job);
    // A call that can be sent at once needs no clock for waiting.
    if (!isFree || call.coalesce) this.#wait(job);
    if (!call.coalesce) return this.#pump();
    // Neighbours that are asked for in the same moment go in one request.
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined;
      this.#pump();
    });
  }

  /** Starts the deadline of a job that waits. A stopped or late job leaves the queue. */
  #wait(job: Job): void {
    startWaiting(job, (status, what) => {
      job.stopWaiting?.();
      if (this.#queue.remove(job)) this.#reject(job, status, what);
    });
  }

  #tryAgain(job: Job): void {
    this.#queue.pushFront(job);
    this.#wait(job);
  }

  /** Starts as many jobs as may be on their way; wakes the line when there is something to send. */
  #pump(): void {
    const next = this.#queue.peek();
    if (next !== undefined) {
      const blocked = this.#line.wake(next.call.connectTimeoutMs);
      if (blocked !== undefined)
        this.#refuseWaiting(ModbusStatus.CANNOT_CONNECT, `cannot be reached: ${blocked}`);
    }
    while (this.#mayStart()) this.#startNext();
    if (this.#active.size === 0 && this.#queue.size === 0) this.#line.rest();
  }

  /** Whether the next job may be sent now. */
  #mayStart(): boolean {
    const next = this.#queue.peek();
    if (next === undefined || this.#line.ready === undefined || this.#active.size >= this.#activeMaxCount)
      return false;
    if (this.#active.size === 0) return true;
    // Requests that belong together go alone, so that nothing comes between them.
    const [running] = this.#active.values();
    return next.call.nextRequest === undefined && running?.jobs[0]?.call.nextRequest === undefined;
  }

  /** Takes the next job, with the neighbours that may be read together with it. */
  #startNext(): void {
    const job = this.#queue.take();
    if (job === undefined) return;
    // A timer is late where the process was busy. A request that left now would be given up before its answer, and
    // nobody would know whether the device carried it out.
    if (job.deadline - performance.now() < 1) {
      job.stopWaiting?.();
      return this.#reject(job, ModbusStatus.TIMED_OUT, 'had no turn before its deadline');
    }
    if (!mayJoin(job) || this.#queue.size === 0) return this.#start([job], job.request);
    const { request, joined } = joinReads(job, this.#queue.items().filter(mayJoin));
    for (const other of joined) this.#queue.remove(other);
    this.#start([job, ...joined], request);
  }

  /** Sends a request on the first free slot, and starts the time for its reply. */
  #start(jobs: readonly Job[], request: ModbusRequest): void {
    const connection = this.#line.ready;
    if (connection === undefined) return;
    let slot = 1;
    while (this.#active.has(slot)) slot++;
    const replyMs = startAttempt(jobs, request);
    const ms = isBroadcast(this.endpoint, request) ? BROADCAST_MS : replyMs;
    const exchange: Exchange = { connection, slot, request, jobs, ms, timer: undefined };
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
   * Gives a reply to its job. A job with another request goes to the front of the queue: no other call comes between.
   */
  #deliver(job: Job, reply: ModbusReply): void {
    if (job.call.nextRequest === undefined) return job.resolve(reply);
    try {
      const next = job.call.nextRequest(reply);
      if (next === undefined) return job.resolve(reply);
      job.request = next;
      job.attempts = 0;
    } catch (error) {
      return job.reject(toError(error));
    }
    if (job.call.signal.aborted && !job.written) this.#reject(job, ModbusStatus.CANCELLED, 'was cancelled');
    else this.#tryAgain(job);
  }

  /** No reply in time: the exchange ends, and a worn connection is replaced. */
  #onTimeout(exchange: Exchange): void {
    const { connection, slot, ms, request } = exchange;
    const begun = connection.abandon(slot);
    if (isBroadcast(this.endpoint, request)) {
      return this.#onOutcome(exchange, { registers: [], bits: [], confirmed: 'none' });
    }
    this.#timeoutsInARow++;
    const isToAll = this.#isSerialLine && request.unit === 0;
    const what =
      `got ${begun ? 'only a part of an answer' : 'no answer'} within ${ms} ms` +
      (isToAll ? ' (unit 0 is broadcast on a serial line: no device answers it)' : '');
    this.#leave(exchange);
    // Replies on a serial line carry no id: a late one must have passed before the next request.
    if (this.#isSerialLine) this.#line.hold(Math.min(Math.max(ms / 2, 2 * QUIET_MS), QUIET_MAX_MS), true);
    const isWorn = this.#timeoutsInARow >= TIMEOUTS_IN_A_ROW_MAX || (begun && !this.#isSerialLine);
    if (this.endpoint.type !== 'serial' && isWorn) this.#replaceConnection();
    this.#end(exchange, { status: ModbusStatus.TIMED_OUT, what }, true);
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

  /** The other side closed: a read is not tried again on this connection, since it is gone. */
  #onLost(failure: ExchangeFailure): void {
    for (const exchange of this.#active.values()) this.#end(exchange, failure, false);
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
      if (next === undefined) this.#reject(job, status, what);
      else this.#tryAgain(Object.assign(job, next));
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

  #refuse(job: Job, status: StatusCode, message: string): void {
    job.stopWaiting?.();
    job.reject(new ModbusError(status, `${this.#name} ${message}`, job.request, job.attempts > 0));
  }

  #refuseWaiting(status: StatusCode, message: string): void {
    for (const job of this.#queue.items()) if (this.#queue.remove(job)) this.#refuse(job, status, message);
  }

  #reject(job: Job, status: StatusCode, what: string): void {
    job.reject(jobErrorOf(this.#name, job, status, what));
  }
}
