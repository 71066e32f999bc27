import { createFairGate, type FairGateLimits } from './fair-gate.ts';

const options = {
  atOnce: 2,
  waitingMaxCount: 200,
  allWaitingMaxCount: 1000,
  waitMaxMs: 120_000,
  noun: 'documents',
};

/** The threads that read documents of users (YAML, PDF), each with up to 768 MiB. A large document takes seconds. */
export const inDocumentThread = createFairGate(options);

/** Sets the limits of these threads. The process has them once, for all its servers. */
export function limitDocumentThreads(limits: FairGateLimits): void {
  Object.assign(options, limits);
}
