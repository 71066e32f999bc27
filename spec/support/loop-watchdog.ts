import { readFileSync } from 'node:fs';

/** No input may hold an event loop for longer. */
const HELD_MAX_MS = 200;

/** The longest hold of an event loop, and the most memory of its process, since the last look. */
export interface LoopReport {
  heldMs: number;
  memoryMiB: number;
}

/** Throws when a loop was held for more than 200 ms; the error names the input. */
export function checkLoop({ heldMs }: LoopReport, input: string): void {
  if (heldMs > HELD_MAX_MS) throw new Error(`${input} held the event loop for ${heldMs} ms`);
}

/**
 * The time that the main thread has worked or has waited by itself, in ms. The time in which it was ready to run and
 * another program had the processor is not in it, so that a busy machine changes nothing. Linux only.
 */
function ownTime(): number {
  const [, readyNs] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return performance.now() - Number(readyNs) / 1e6;
}

/** Samples the event loop of this process. A hold is the thread's own time between two samples. */
export function startWatchdog(everyMs = 5): { take(): LoopReport; stop(): void } {
  const report: LoopReport = { heldMs: 0, memoryMiB: 0 };
  let last = ownTime();
  const sample = (): void => {
    const now = ownTime();
    report.heldMs = Math.max(report.heldMs, Math.round(now - last));
    report.memoryMiB = Math.max(report.memoryMiB, Math.round(process.memoryUsage.rss() / 1024 ** 2));
    last = now;
  };
  const timer = setInterval(sample, everyMs);
  return {
    take() {
      sample();
      const taken = { ...report };
      Object.assign(report, { heldMs: 0, memoryMiB: 0 });
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}
