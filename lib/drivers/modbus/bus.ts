import { toError } from '../../errors.ts';
import { joinReads } from './coalesce.ts';
import { isBroadcast, isExchangeFailure, type ModbusConnection } from './connection.ts';
import { endpointName, isSerialLine, type Endpoint } from './endpoint.ts';
import { createJob, jobErrorOf, startWaiting, type BusCall, type Job } from './job.ts';
import { openLine, type ModbusLineOptions } from './line.ts';
import { createFairQueue } from './queue.ts';
import {
  isRead,
  ModbusError,
  type ExchangeFailure,
  type ModbusReply,
  type ModbusRequest,
} from './request.ts';
import { isDeviceException, ModbusStatus, type StatusCode } from './status.ts';

/** The one way to an endpoint for the whole process: a queue before a line. */
export interface Bus {
  readonly endpoint: Endpoint;
  /** Nothing waits, nothing is open, nothing needs to be remembered. */
  readonly unused: boolean;
  /** The last reply; rejects with a ModbusError, or with what `nextRequest` threw. */
  call(call: BusCall): Promise<ModbusReply>;
  /** Takes out what waits, lets what is on the way finish for a second, closes. */
  close(): Promise<void>;
}

/** What was sent for one job, or for neighbours together. */
interface Exchange {
  readonly connection: ModbusConnection;
  readonly slot: number;
  readonly request: ModbusRequest;
  readonly jobs: readonly Job[];
  /** How long it waits for its reply. */
  readonly ms: number;
  timer: NodeJS.Timeout | undefined;
}

const waitingMax = 256;
const timeoutsInARowMax = 3;
const broadcastMs = 100;
const quietMs = 50;
const longestQuietMs = 1000;
const closeMs = 1000;

/** A bus for an endpoint; it opens nothing before the first call. */
export function openBus(endpoint: Endpoint, options: ModbusLineOptions): Bus {
  const queue = createFairQueue<Job>();
  const active = new Map<number, Exchange>();
  const name = endpointName(endpoint);
  const serialLine = isSerialLine(endpoint);
  const activeMax = endpoint.type === 'tcp' && !serialLine ? endpoint.bus.maxInFlight : 1;
  let timeoutsInARow = 0;
  let soon: NodeJS.Immediate | undefined;
  let closing = false;
  let idle: (() => void) | undefined; // told when the last exchange has ended

  const line = openLine(endpoint, options, {
    changed: () => pump(),
    outcome(slot, outcome) {
      const exchange = active.get(slot);
      // Nobody answers a broadcast: it ends by its time alone.
      if (exchange !== undefined && !isBroadcast(endpoint, exchange.request)) onOutcome(exchange, outcome);
    },
    resting: () => active.size === 0 && queue.size === 0,
    unreachable: (reason) => refuseWaiting(ModbusStatus.CANNOT_CONNECT, `cannot be reached: ${reason}`),
    lost(failure) {
      for (const exchange of active.values()) end(exchange, failure, false);
      pump();
    },
    broken(failure) {
      if (endpoint.type === 'serial') line.hold(quietMs, true);
      else line.drop();
      for (const exchange of active.values()) {
        if (!isBroadcast(endpoint, exchange.request)) end(exchange, failure, true);
      }
      pump();
    },
  });

  const refuse = (job: Job, status: StatusCode, message: string): void => {
    job.stopWaiting?.();
    job.reject(new ModbusError(status, `${name} ${message}`, job.request, job.attempts > 0));
  };

  const refuseWaiting = (status: StatusCode, message: string): void => {
    for (const job of queue.items()) if (queue.remove(job)) refuse(job, status, message);
  };

  const wait = (job: Job): void =>
    startWaiting(job, (status, what) => {
      job.stopWaiting?.();
      if (queue.remove(job)) job.reject(jobErrorOf(name, job, status, what));
    });

  const again = (job: Job): void => {
    queue.pushFront(job);
    wait(job);
  };

  const leave = (exchange: Exchange): void => {
    clearTimeout(exchange.timer);
    active.delete(exchange.slot);
    line.hold(endpoint.bus.requestDelay, false);
    if (active.size === 0) idle?.();
  };

  /** An exchange got no good reply: its jobs are tried again where that is safe, else told. */
  const end = (exchange: Exchange, failure: ExchangeFailure, retry: boolean): void => {
    const { status, what } = failure;
    leave(exchange);
    if (serialLine && status >= ModbusStatus.WRONG_UNIT && status <= ModbusStatus.WRONG_CHECKSUM)
      line.hold(quietMs, true);
    for (const job of exchange.jobs) {
      const { signal, retries } = job.call;
      const left = retry && !closing && !signal.aborted && performance.now() < job.deadline;
      const unusable = status >= ModbusStatus.TIMED_OUT && !isDeviceException(status);
      if (left && unusable && isRead(job.request) && job.attempts <= retries) again(job);
      else if (left && !unusable && exchange.jobs.length > 1) again(Object.assign(job, { alone: true }));
      else job.reject(jobErrorOf(name, job, status, what));
    }
  };

  const onOutcome = (exchange: Exchange, outcome: ModbusReply | ExchangeFailure): void => {
    if (!isExchangeFailure(outcome)) {
      heard();
      leave(exchange);
      for (const job of exchange.jobs) deliver(job, exchange, outcome);
    } else {
      if (isDeviceException(outcome.status)) heard();
      end(exchange, outcome, true);
    }
    pump();
  };

  const heard = (): void => {
    timeoutsInARow = 0;
    line.heard();
  };

  const onTimeout = (exchange: Exchange): void => {
    const { connection, slot, ms } = exchange;
    const begun = connection.abandon(slot);
    if (isBroadcast(endpoint, exchange.request)) {
      return onOutcome(exchange, { registers: [], bits: [], confirmed: 'none' });
    }
    timeoutsInARow++;
    const nobody = serialLine && exchange.request.unit === 0;
    const what =
      `got ${begun ? 'only a part of an answer' : 'no answer'} within ${ms} ms` +
      (nobody ? ' (unit 0 is broadcast on a serial line: no device answers it)' : '');
    leave(exchange);
    // Replies on a line carry no id: a late one must have passed before the next request.
    if (serialLine) line.hold(Math.min(Math.max(ms / 2, 2 * quietMs), longestQuietMs), true);
    const worn = timeoutsInARow >= timeoutsInARowMax || (begun && !serialLine);
    if (endpoint.type !== 'serial' && worn) {
      timeoutsInARow = 0;
      line.drop();
      const replaced: ExchangeFailure = {
        status: ModbusStatus.BAD_RESPONSE,
        what: 'got no answer: the connection was replaced',
      };
      for (const other of active.values()) end(other, replaced, true);
    }
    end(exchange, { status: ModbusStatus.TIMED_OUT, what }, true);
    return pump();
  };

  const deliver = (job: Job, exchange: Exchange, reply: ModbusReply): void => {
    const part = exchange.jobs.length === 1 ? reply : slice(reply, exchange.request, job.request);
    if (job.call.nextRequest === undefined) return job.resolve(part);
    try {
      const next = job.call.nextRequest(part);
      if (next === undefined) return job.resolve(part);
      job.request = next;
      job.attempts = 0;
    } catch (error) {
      return job.reject(toError(error));
    }
    if (job.call.signal.aborted && !job.written)
      job.reject(jobErrorOf(name, job, ModbusStatus.CANCELLED, 'was cancelled'));
    else again(job);
  };

  const start = (jobs: readonly Job[], request: ModbusRequest): void => {
    const connection = line.ready;
    if (connection === undefined) return;
    let slot = 1;
    while (active.has(slot)) slot++;
    const now = performance.now();
    let ms = Infinity;
    for (const job of jobs) {
      job.stopWaiting?.();
      job.attempts++;
      if (!isRead(request)) job.written = true;
      ms = Math.min(ms, job.call.timeoutMs, Math.max(1, Math.ceil(job.deadline - now)));
    }
    if (isBroadcast(endpoint, request)) ms = broadcastMs;
    const exchange: Exchange = { connection, slot, request, jobs, ms, timer: undefined };
    active.set(slot, exchange);
    exchange.timer = setTimeout(onTimeout, ms, exchange);
    connection.send(slot, request);
  };

  const mayStart = (): boolean => {
    const next = queue.peek();
    if (next === undefined || line.ready === undefined || active.size >= activeMax) return false;
    if (active.size === 0) return true;
    // Requests that belong together go alone, so that nothing comes between them.
    const [running] = active.values();
    return next.call.nextRequest === undefined && running?.jobs[0]?.call.nextRequest === undefined;
  };

  const startNext = (): void => {
    const job = queue.take();
    if (job === undefined) return;
    // A clock is late where the process was busy; what left now would be given up before an answer, its fate unknown.
    if (job.deadline - performance.now() < 1) {
      job.stopWaiting?.();
      return job.reject(jobErrorOf(name, job, ModbusStatus.TIMED_OUT, 'had no turn before its deadline'));
    }
    if (!mayJoin(job) || queue.size === 0) return start([job], job.request);
    const { request, joined } = joinReads(job, queue.items().filter(mayJoin));
    for (const other of joined) queue.remove(other);
    start([job, ...joined], request);
  };

  const pump = (): void => {
    const next = queue.peek();
    if (next !== undefined) {
      const blocked = line.wake(next.call.connectTimeoutMs);
      if (blocked !== undefined) refuseWaiting(ModbusStatus.CANNOT_CONNECT, `cannot be reached: ${blocked}`);
    }
    while (mayStart()) startNext();
    if (active.size === 0 && queue.size === 0) line.rest();
  };

  const pumpSoon = (): void => {
    soon ??= setImmediate(() => {
      soon = undefined;
      pump();
    });
  };

  return {
    endpoint,
    get unused() {
      return queue.size === 0 && active.size === 0 && line.unused;
    },
    call(call) {
      const { promise, job } = createJob(call);
      if (closing) refuse(job, ModbusStatus.CANCELLED, 'is shut down');
      else if (call.signal.aborted)
        job.reject(jobErrorOf(name, job, ModbusStatus.CANCELLED, 'was cancelled'));
      else if (queue.size >= waitingMax)
        refuse(job, ModbusStatus.QUEUE_FULL, `has ${waitingMax} calls waiting already`);
      else {
        // A call that can be sent at once needs no clock for waiting.
        const free = line.ready !== undefined && active.size === 0 && queue.size === 0 && !call.coalesce;
        queue.push(call.party, job);
        if (!free) wait(job);
        // Neighbours that are asked for in the same moment go in one request.
        if (call.coalesce) pumpSoon();
        else pump();
      }
      return promise;
    },
    async close() {
      closing = true;
      clearImmediate(soon);
      refuseWaiting(ModbusStatus.CANCELLED, 'is shut down');
      if (active.size > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, closeMs);
          idle = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      const cut: ExchangeFailure = {
        status: ModbusStatus.BAD_RESPONSE,
        what: 'got no answer before the shutdown',
      };
      for (const exchange of active.values()) end(exchange, cut, false);
      await line.close();
    },
  };
}

function mayJoin({ call, alone }: Job): boolean {
  return call.coalesce && call.nextRequest === undefined && !alone;
}

/** One read's part of a reply to several. */
function slice(reply: ModbusReply, whole: ModbusRequest, part: ModbusRequest): ModbusReply {
  const start = part.address - whole.address;
  return {
    ...reply,
    registers: reply.registers.slice(start, start + part.count),
    bits: reply.bits.slice(start, start + part.count),
  };
}
