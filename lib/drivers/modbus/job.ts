import { watchAbort } from './abort-watch.ts';
import { ModbusError, describeRequest, type ModbusReply, type ModbusRequest } from './request.ts';
import { ModbusStatus, type StatusCode } from './status.ts';

/** One call: a request, or several that belong together. Times in ms. */
export interface BusCall {
  readonly request: ModbusRequest;
  /** The request that follows on a good reply, with no other call's between; undefined when the call is complete. */
  readonly nextRequest?: (reply: ModbusReply) => ModbusRequest | undefined;
  /** For each reply. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Further attempts of a read that got no usable answer. */
  readonly retries: number;
  /** May be read together with its neighbours. */
  readonly coalesce: boolean;
  /** For the whole call, waiting included. */
  readonly deadlineMs: number;
  /** Takes out a request that has not been sent. */
  readonly signal: AbortSignal;
  /** Whether a request may still be sent, when its turn comes (core/tool.ts: CallContext.mayLeave). */
  readonly mayLeave?: (() => boolean) | undefined;
  /** The caller: parties take turns. */
  readonly party: object;
}

/** A call on a bus. Its state is the bus's to change. */
export interface Job {
  readonly call: BusCall;
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  /** The request that waits or is on the way. */
  request: ModbusRequest;
  /** How often it was sent. */
  attempts: number;
  /** A write of this call has left. */
  written: boolean;
  /** Read on its own: together with its neighbours it was refused. */
  alone: boolean;
  /** Stops the deadline and the watch of a job that waits; undefined while it does not wait. */
  stopWaiting: (() => void) | undefined;
  resolve(reply: ModbusReply): void;
  reject(error: Error): void;
}

/** A new job, and the promise of its last reply. */
export function createJob(call: BusCall): { job: Job; promise: Promise<ModbusReply> } {
  const job: Job = {
    call,
    deadline: performance.now() + call.deadlineMs,
    request: call.request,
    attempts: 0,
    written: false,
    alone: false,
    stopWaiting: undefined,
    resolve: unsettled,
    reject: unsettled,
  };
  const promise = new Promise<ModbusReply>((resolve, reject) => {
    job.resolve = resolve;
    job.reject = reject;
  });
  return { job, promise };
}

function unsettled(): never {
  throw new Error('the promise of a job is made with it');
}

/** Starts the deadline of a job that waits; `takeOut` is called when the deadline passes or the job is cancelled. */
export function startWaiting(job: Job, takeOut: (status: StatusCode, what: string) => void): void {
  const { signal } = job.call;
  const left = Math.max(0, job.deadline - performance.now());
  const timer = setTimeout(() => takeOut(ModbusStatus.TIMED_OUT, 'had no turn before its deadline'), left);
  const cancel = (): void => takeOut(ModbusStatus.CANCELLED, 'was cancelled');
  // After a write was sent, the read that verifies it still runs.
  const stopWatch = job.written ? undefined : watchAbort(signal, cancel);
  job.stopWaiting = () => {
    clearTimeout(timer);
    stopWatch?.();
    job.stopWaiting = undefined;
  };
}

/** The error of a job's request: "<name> unit 1: holdingRegisters 5 count 1 <what>". */
export function jobErrorOf(name: string, job: Job, status: StatusCode, what: string): ModbusError {
  const message = `${name} ${describeRequest(job.request)} ${what}`;
  return new ModbusError(status, message, job.request, job.attempts > 0);
}
