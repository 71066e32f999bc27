import { getHeapStatistics } from 'node:v8';

/** A process whose heap is fuller soon spends its time on garbage, and then dies. */
const SHORT_SHARE = 0.5;

/** Whether more than half of the heap that the process may have is used, garbage included. */
export function isHeapShort(): boolean {
  const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
  return used > most * SHORT_SHARE;
}
