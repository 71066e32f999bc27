// Asks for `/healthz` of a port on new connections again and again, in a process of its own: the one that attacks is busy. A message ends
// it; it answers with the longest wait in ms, or with the reason why it has none.
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** An address that takes no part in an attack. */
const WATCHER = '127.0.0.200';
const LOOK_EVERY_MS = 20;

const port = Number(process.argv[2]);
let isOver = false;
let longestMs = 0;

function look(): Promise<number | undefined> {
  const agent = new Agent({ localAddress: WATCHER });
  return new Promise<number | undefined>((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path: '/healthz', agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    asked.on('error', reject);
  }).finally(() => agent.destroy());
}

process.once('message', () => (isOver = true));
process.send?.('ready');
while (!isOver) {
  const began = performance.now();
  const status = await look();
  if (status !== 200) throw new Error(`/healthz answered ${status}`);
  longestMs = Math.max(longestMs, Math.round(performance.now() - began));
  await delay(LOOK_EVERY_MS);
}
process.send?.(longestMs);
process.disconnect?.();
