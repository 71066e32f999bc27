import { withAskers, type WithAsker } from '../../accounts/askers.ts';
import type { CallAuditRow } from '../../devices/list-calls.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { formatTime } from '../liteagent/time.ts';
import { auditRowShape } from './command-shapes.ts';

type AuditParts = Pick<Parts, 'accounts' | 'callAudit'>;

const LIMIT = 100;
const LIMIT_MAX = 1000;

/** The audit log of writes (contract 6, section 6). */
export function createAuditRoutes({ accounts, callAudit }: AuditParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/audit',
      summary:
        'Every write that was tried, oldest first; those of one device with device. after is the number of the last row that the caller has seen (without device: its time in ms; a page has all rows of its last time). last: only so many of the newest ones.',
      access: 'command devices',
      query: {
        type: 'object',
        properties: {
          device: { type: 'string' },
          after: { type: 'string', pattern: '^\\d{1,15}$' },
          limit: { type: 'string', pattern: '^[1-9]\\d{0,3}$' },
          last: { type: 'string', pattern: '^[1-9]\\d{0,3}$' },
        },
      },
      answer: { type: 'array', items: auditRowShape },
      async handle({ query: { device, after, limit, last } }) {
        const rows =
          last === undefined
            ? await callAudit.listPage({
                device,
                after: after === undefined ? undefined : Number(after),
                limit: limit === undefined ? LIMIT : Math.min(LIMIT_MAX, Number(limit)),
              })
            : await callAudit.listNewest({ device, limit: Math.min(LIMIT_MAX, Number(last)) });
        return (await withAskers(accounts.users, rows)).map(formatRow);
      },
    }),
  ];
}

function formatRow({ at, version, approvedBy, rule, ...row }: WithAsker<CallAuditRow>) {
  return {
    ...row,
    at: formatTime(at),
    version: version ?? null,
    approvedBy: approvedBy ?? null,
    rule: rule ?? null,
  };
}
