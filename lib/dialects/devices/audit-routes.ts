import { withAskers, type WithAsker } from '../../accounts/askers.ts';
import { formatExactly } from '../../common/exact-numbers.ts';
import type { JsonValue } from '../../common/json.ts';
import type { CallAudit } from '../../devices/call-audit.ts';
import { placeAfter, type CallAuditRow } from '../../devices/list-calls.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { openStream } from '../../server/stream.ts';
import type { Parts } from '../dialect.ts';
import { formatTime } from '../liteagent/time.ts';
import { auditRowShape } from './command-shapes.ts';

type AuditParts = Pick<Parts, 'accounts' | 'callAudit' | 'config'>;

/** The rows of a page: where the client names no number, and at most. */
const LIMIT = 100;
const LIMIT_MAX = 1000;

/** The audit log of writes (contract 6, section 6). */
export function createAuditRoutes({ accounts, callAudit, config }: AuditParts): Route[] {
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
            ? await listOldest(callAudit, {
                device,
                after: after === undefined ? undefined : Number(after),
                limit: limit === undefined ? LIMIT : Math.min(LIMIT_MAX, Number(limit)),
              })
            : await callAudit.listNewest({ device, limit: Math.min(LIMIT_MAX, Number(last)) });
        return (await withAskers(accounts.users, rows)).map(formatRow);
      },
    }),
    route({
      method: 'GET',
      path: '/api/audit/export',
      summary:
        'Every write that was tried, oldest first, as lines of JSON, as fast as the client reads. from and to are times (RFC 3339); to is not included.',
      access: 'command devices',
      query: {
        type: 'object',
        properties: { device: { type: 'string' }, from: { type: 'string' }, to: { type: 'string' } },
      },
      async handle({ query: { device, from, to }, response }) {
        const times = readTimes({ from, to });
        const { socketStallTimeoutMs: stallTimeoutMs } = config.limits;
        const stream = openStream(response, { contentType: 'application/x-ndjson', stallTimeoutMs });
        // `from` is included.
        const after = times.from === undefined ? undefined : placeAfter(times.from - 1);
        for await (const page of callAudit.pages({ device, after, before: times.to })) {
          if (stream.signal.aborted) break;
          const rows = (await withAskers(accounts.users, page)).map(formatRow);
          // Whole numbers of the arguments keep their digits.
          stream.write(rows.map((row) => `${formatExactly(row as unknown as JsonValue)}\n`).join(''));
          await stream.drained();
        }
        await stream.end();
      },
    }),
  ];
}

/** The oldest rows after the last one that the client knows: by its number, and without a device by its time. */
function listOldest(
  callAudit: CallAudit,
  { device, after, limit }: { device: string | undefined; after: number | undefined; limit: number },
): Promise<CallAuditRow[]> {
  if (device === undefined) return callAudit.listAfterTime(after, limit);
  return callAudit.list({
    device,
    // In the rows of one device the number alone decides.
    after: after === undefined ? undefined : { at: 0, device, n: after },
    limit,
  });
}

/** The times of a query in ms since the epoch. Throws `invalid_request` that names each text that is no time. */
function readTimes(texts: { from: string | undefined; to: string | undefined }): {
  from?: number;
  to?: number;
} {
  // Any text that `Date.parse` reads is taken.
  const times = Object.entries(texts).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, Date.parse(text)] as const],
  );
  const faults = times.flatMap(([name, time]) =>
    Number.isNaN(time)
      ? [{ pointer: `/${name}`, detail: 'must be a time such as 2030-01-31T12:00:00Z' }]
      : [],
  );
  if (faults.length > 0)
    throw new AppError(
      'invalid_request',
      faults.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`).join('; '),
      { faults },
    );
  return Object.fromEntries(times);
}

/** A row on the wire. Fields that it lacks are null: nobody approved the call, no rule decided, the device is not registered. */
function formatRow({ at, version, approvedBy, rule, ...row }: WithAsker<CallAuditRow>) {
  return {
    ...row,
    at: formatTime(at),
    version: version ?? null,
    approvedBy: approvedBy ?? null,
    rule: rule ?? null,
  };
}
