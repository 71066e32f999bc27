import { readFileSync } from 'node:fs';

/** The longest hold of an event loop, and the most memory of its process, since the last look. */
export interface LoopReport {
  heldMs: number;
  memoryMiB: number;
}

/** The processor time of the main thread, in ms: what other programs take from a busy machine is not in it. Linux only. */
function processorTime(): number {
  const [spent] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(spent) / 1e6;
}

/** Samples the event loop of this process. A hold is the time between two samples that the main thread has worked. */
export function startWatchdog(everyMs = 5): { take(): LoopReport; stop(): void } {
  const report: LoopReport = { heldMs: 0, memoryMiB: 0 };
  let last = processorTime();
  const sample = (): void => {
    const now = processorTime();
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
