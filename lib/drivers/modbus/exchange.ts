import type { ModbusConnection } from './connection.ts';
import type { Job } from './job.ts';
import { isRead, type ExchangeFailure, type ModbusReply, type ModbusRequest } from './request.ts';
import { isDeviceException, ModbusStatus, type StatusCode } from './status.ts';

/** A request on its way, for one job or for neighbours together. */
export interface Exchange {
  readonly connection: ModbusConnection;
  readonly slot: number;
  readonly request: ModbusRequest;
  readonly jobs: readonly Job[];
  /** How long it waits for its reply, in ms. */
  readonly ms: number;
  /** The end of that time, on the clock of `performance.now()`. */
  readonly endsAt: number;
  timer: NodeJS.Timeout | undefined;
  /** The reason why the bytes that have arrived are not the answer. The exchange ends with it when no answer comes. */
  suspicion: ExchangeFailure | undefined;
}

/** A line that has brought a spoilt answer and is silent for this time brings no better one. */
const SILENT_MS = 50;

/** The failure of an exchange whose time is over. */
export function timeoutFailure(
  { ms, request, suspicion }: Exchange,
  { begun, echoed }: { begun: boolean; echoed: boolean },
  isSerialLine: boolean,
): ExchangeFailure {
  if (suspicion !== undefined) return suspicion;
  const isToAll = isSerialLine && request.unit === 0;
  const what = echoed
    ? `was repeated by the line itself, but no device answered within ${ms} ms`
    : `got ${begun ? 'only a part of an answer' : 'no answer'} within ${ms} ms`;
  const hint = isToAll ? ' (unit 0 is broadcast on a serial line: no device answers it)' : '';
  return { status: ModbusStatus.TIMED_OUT, what: what + hint };
}

/** Notes bytes that are not the answer, and waits on: to the end of the time, or only a little where the answer was spoilt. */
export function noteSuspicion(
  exchange: Exchange,
  suspicion: ExchangeFailure,
  isOver: boolean,
  onTimeout: () => void,
): void {
  exchange.suspicion = suspicion;
  clearTimeout(exchange.timer);
  const leftMs = Math.max(1, exchange.endsAt - performance.now());
  exchange.timer = setTimeout(onTimeout, isOver ? Math.min(SILENT_MS, leftMs) : leftMs);
}

/** Marks the jobs of a request as sent; gives the time that the first of them has for its reply, in ms. */
export function startAttempt(jobs: readonly Job[], request: ModbusRequest): number {
  const now = performance.now();
  let ms = Infinity;
  for (const job of jobs) {
    job.stopWaiting?.();
    job.attempts++;
    if (!isRead(request)) job.written = true;
    ms = Math.min(ms, job.call.timeoutMs, Math.max(1, Math.ceil(job.deadline - now)));
  }
  return ms;
}

/** Whether a job's read may go in one request with its neighbours. */
export function mayJoin({ call, alone }: Job): boolean {
  return call.coalesce && call.nextRequest === undefined && !alone;
}

/** The part of the reply to an exchange that answers one of its jobs. */
export function replyFor(job: Job, { jobs, request }: Exchange, reply: ModbusReply): ModbusReply {
  if (jobs.length === 1) return reply;
  const start = job.request.address - request.address;
  return {
    ...reply,
    registers: reply.registers.slice(start, start + job.request.count),
    bits: reply.bits.slice(start, start + job.request.count),
  };
}

/**
 * How a job is tried again after a failure; undefined when it may not be. A read without a usable answer is sent again as
 * often as its document allows. A job that was refused together with its neighbours is sent alone: the device may have
 * refused only the others. A write is never sent twice.
 */
export function nextAttemptOf(job: Job, { jobs }: Exchange, status: StatusCode): Partial<Job> | undefined {
  const { signal, retries } = job.call;
  if (signal.aborted || performance.now() >= job.deadline) return undefined;
  const isUnusable = !isDeviceException(status) && status >= ModbusStatus.TIMED_OUT;
  if (isUnusable) return isRead(job.request) && job.attempts <= retries ? {} : undefined;
  return jobs.length > 1 ? { alone: true } : undefined;
}
