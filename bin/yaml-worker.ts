import { parentPort } from 'node:worker_threads';
import { answerFor } from '../lib/openspec/yaml-apart.ts';

// A thread that parses YAML documents, one after the other. An error that is no fault of a document ends it.
parentPort?.on('message', (source: string) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origins
  void answerFor(source).then((answer) => parentPort?.postMessage(answer));
});
