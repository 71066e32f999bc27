import { parentPort, workerData } from 'node:worker_threads';
import { answerFor } from '../lib/openspec/yaml-apart.ts';

// The thread in which one YAML document is parsed.
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origins
parentPort?.postMessage(await answerFor(workerData as string));
