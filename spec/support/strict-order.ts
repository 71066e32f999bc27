import type { ModelMessage } from '../../lib/core/model.ts';

/**
 * The faults that the strictest endpoints find in a conversation: the system prompt is first, user and assistant take turns
 * and a user begins, each call is answered once, right after its reply, and no line is empty.
 */
export function strictFaults(lines: readonly ModelMessage[]): string[] {
  const faults: string[] = [];
  let expected: 'user' | 'assistant' = 'user';
  /** Calls of the last assistant line that have no result yet. */
  let open = new Set<string>();
  lines.forEach((line, index) => {
    const at = `line ${index} (${line.role})`;
    if (line.role !== 'tool' && open.size > 0)
      faults.push(`${at} comes before the results of ${[...open].join()}`);
    switch (line.role) {
      case 'system':
        if (index !== 0) faults.push(`${at} is not the first`);
        break;
      case 'user':
        if (expected !== 'user') faults.push(`${at} follows a user`);
        if (line.content.length === 0) faults.push(`${at} is empty`);
        expected = 'assistant';
        break;
      case 'assistant':
        if (expected !== 'assistant') faults.push(`${at} follows no user and no result`);
        if (line.calls.length === 0 && line.text.trim() === '') faults.push(`${at} is empty`);
        open = new Set(line.calls.map(({ callId }) => callId));
        expected = line.calls.length > 0 ? 'assistant' : 'user';
        break;
      case 'tool':
        if (!open.delete(line.callId)) faults.push(`${at} answers no open call`);
        break;
    }
  });
  if (open.size > 0) faults.push(`the calls ${[...open].join()} have no result`);
  return faults;
}
