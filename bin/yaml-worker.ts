import { parentPort } from 'node:worker_threads';
import { answerFor } from '../lib/openspec/yaml-apart.ts';

// A thread that parses YAML documents, one after the other.
parentPort?.on('message', async (source: string) => {
  const answer = await answerFor(source);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origins
  parentPort?.postMessage(answer);
});
