import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../api.ts';
import { t } from '../language.ts';
import { msOf } from '../ms-of.ts';
import { timeText } from '../time.ts';

/** A write that was tried. */
interface AuditRow {
  /** Its number in the chain of the device. */
  n: number;
  at: string;
  event: string;
  tool: string;
  arguments: unknown;
  /** null: it was not sent, or nobody knows yet. */
  outcome: string | null;
  askedByName?: string;
  approvedBy: string | null;
  /** The rule that decided, in words; null where none did. */
  rule: string | null;
}

/** How many rows are shown, the newest first. */
const SHOWN = 20;

/** The last writes of a device that were tried, for callers who may see them. */
export function AuditRows({ device, writes }: { device: string; writes: number }) {
  const rows = useSignal<readonly AuditRow[] | undefined>(undefined);
  useEffect(() => {
    call<AuditRow[]>('GET', `/api/audit?device=${encodeURIComponent(device)}&last=${SHOWN}`).then(
      (newest) => (rows.value = newest.toReversed()),
      () => (rows.value = undefined), // only admins may see them
    );
  }, [device, writes]);
  if (!rows.value) return null;
  return (
    <section class="card">
      <h2>{t('auditTitle')}</h2>
      {rows.value.length === 0 && <p class="soft">{t('auditEmpty')}</p>}
      <ul class="plain">
        {rows.value.map(({ n, at, event, tool, arguments: args, outcome, askedByName, approvedBy, rule }) => (
          <li key={n}>
            <code>
              {tool} {JSON.stringify(args)}
            </code>{' '}
            <strong>{outcome ?? event}</strong>
            <span class="soft small">
              {' '}
              {[
                timeText(msOf(at)),
                ...(askedByName === undefined ? [] : [t('askedBy', { name: askedByName })]),
                ...(approvedBy === null ? [] : [t('approvedBy', { name: approvedBy })]),
                ...(rule === null || event === 'sent' ? [] : [rule]),
              ].join(' · ')}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
