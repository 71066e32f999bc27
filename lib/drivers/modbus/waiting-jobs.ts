import { joinReads } from './coalesce.ts';
import { mayJoin } from './exchange.ts';
import { jobErrorOf, startWaiting, type Job } from './job.ts';
import { createFairQueue } from './queue.ts';
import { ModbusError, type ModbusRequest } from './request.ts';
import { ModbusStatus, type StatusCode } from './status.ts';
import { STOOD_STILL } from '../stood-still.ts';

/** The jobs that wait for a bus. Each of them leaves the queue by its turn, its deadline or its signal. */
export class WaitingJobs {
  readonly #name: string;
  readonly #queue = createFairQueue<Job>();

  /** `name` is the endpoint's, for error messages. */
  constructor(name: string) {
    this.#name = name;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Puts a job behind the others of its party. `isTimed` is false for a job that is taken at once: it needs no deadline. */
  push(job: Job, isTimed: boolean): void {
    this.#queue.push(job.call.party, job);
    if (isTimed) this.#wait(job);
  }

  /** Puts a job before all others: its next attempt, or the next request of its call. */
  pushFront(job: Job): void {
    this.#queue.pushFront(job);
    this.#wait(job);
  }

  /** The job whose turn it is. */
  peek(): Job | undefined {
    return this.#queue.peek();
  }

  /** Takes the job whose turn it is, with the neighbours that are read in the same request. */
  take(): { jobs: readonly Job[]; request: ModbusRequest } | undefined {
    const job = this.#queue.take();
    if (job === undefined) return undefined;
    // A timer is late where the process was busy. A request that left now would be given up before its answer, and
    // nobody would know whether the device carried it out.
    if (job.deadline - performance.now() < 1) {
      job.stopWaiting?.();
      this.reject(job, ModbusStatus.TIMED_OUT, 'had no turn before its deadline');
      return { jobs: [], request: job.request };
    }
    if (!job.written && job.call.mayLeave?.() === false) {
      job.stopWaiting?.();
      this.reject(job, ModbusStatus.CANCELLED, `was not sent: ${STOOD_STILL}`);
      return { jobs: [], request: job.request };
    }
    if (!mayJoin(job) || this.#queue.size === 0) return { jobs: [job], request: job.request };
    const { request, joined } = joinReads(job, this.#queue.items().filter(mayJoin));
    for (const other of joined) this.#queue.remove(other);
    return { jobs: [job, ...joined], request };
  }

  /** Rejects a job because of its request: "<name> unit 1: holdingRegisters 5 count 1 <what>". */
  reject(job: Job, status: StatusCode, what: string): void {
    job.reject(jobErrorOf(this.#name, job, status, what));
  }

  /** Rejects a job because of the bus: "<name> <message>". */
  refuse(job: Job, status: StatusCode, message: string): void {
    job.stopWaiting?.();
    job.reject(new ModbusError(status, `${this.#name} ${message}`, job.request, job.attempts > 0));
  }

  /** Rejects every job that waits because of the bus. */
  refuseAll(status: StatusCode, message: string): void {
    for (const job of this.#queue.items()) if (this.#queue.remove(job)) this.refuse(job, status, message);
  }

  /** Starts the deadline of a job that waits. A stopped or late job leaves the queue. */
  #wait(job: Job): void {
    startWaiting(job, (status, what) => {
      job.stopWaiting?.();
      if (this.#queue.remove(job)) this.reject(job, status, what);
    });
  }
}
