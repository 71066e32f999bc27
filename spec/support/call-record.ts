import type { CallRecord } from '../../lib/devices/call-record.ts';

/** A write that was sent, for the audit log. */
export function sentRecord(to: number): CallRecord {
  return {
    event: 'sent',
    version: 1,
    tool: 'set',
    operation: 'PUT /target',
    arguments: { to },
    session: 's',
    task: 't',
    call: `call_${to}`,
    askedBy: 'ann',
    rule: 'No rule is about this call.',
  };
}
