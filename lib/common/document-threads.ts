import { createFairGate } from './fair-gate.ts';

/** The threads that read documents of users (YAML, PDF): two, each with up to 1 GiB. A large document takes seconds. */
export const inDocumentThread = createFairGate({
  atOnce: 2,
  waitingMaxCount: 200,
  allWaitingMaxCount: 1000,
  waitMaxMs: 120_000,
  noun: 'documents',
});
