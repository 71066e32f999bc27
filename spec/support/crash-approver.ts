import { setTimeout as delay } from 'node:timers/promises';
import { loadAuditKey } from '../../lib/devices/audit-key.ts';
import { checkAudit } from '../../lib/devices/check-audit.ts';
import type { CommandTables } from '../../lib/devices/command-schema.ts';
import { connectDatabase } from '../../lib/store/database.ts';
import { callAny } from './crash-client.ts';

/** The registered device of a run, whose writes wait for an approval each. */
export const askingDevice = 'crash';

/** Registers the device, with the rule that every write asks. */
export async function registerAsking(url: string, document: object): Promise<void> {
  const rules = { calls: [{ effect: 'write', decision: 'ask' }] };
  const body = JSON.stringify({ name: askingDevice, openSpec: document, rules });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/devices`, { method: 'POST', headers, body });
  if (answer.status !== 201) throw new Error(`the device was not registered: ${await answer.text()}`);
}

/** Approves every call that waits, each twice at once on any nodes, until the run is over. Resolves with the faults. */
export async function approveAll(
  urls: () => readonly string[],
  random: () => number,
  over: AbortSignal,
): Promise<string[]> {
  const taken = new Map<string, number>();
  const approve = async (id: string): Promise<void> => {
    const known = urls();
    const url = known[Math.floor(random() * known.length)];
    const headers = { 'content-type': 'application/json' };
    const init = {
      method: 'POST',
      headers,
      body: '{"decision":"approve"}',
      signal: AbortSignal.timeout(2000),
    };
    const answer = await fetch(`${url}/api/approvals/${id}`, init).catch(() => undefined); // its node may have died
    if (answer?.status === 200) taken.set(id, (taken.get(id) ?? 0) + 1);
    await answer?.body?.cancel();
  };
  while (!over.aborted) {
    const open = (await callAny(urls, random, '/api/approvals')) as { id: string }[];
    await Promise.all(open.flatMap(({ id }) => [approve(id), approve(id)]));
    await delay(20, undefined, { signal: over }).catch(() => undefined);
  }
  return [...taken].flatMap(([id, times]) =>
    times > 1 ? `the approval ${id} was taken ${times} times` : [],
  );
}

/** What the audit log says against a run: a call that was sent twice, or without an approval, and rows that do not fit. */
export async function auditFaults(databaseUrl: string, dataDir: string, writes: number): Promise<string[]> {
  const database = await connectDatabase({ databaseUrl, onError: () => undefined });
  try {
    const db = database.tables<CommandTables>();
    const checks = await checkAudit(db, loadAuditKey(dataDir));
    const rows = await db.selectFrom('audit_rows').selectAll().orderBy('n').execute();
    const outcomes = new Map(
      rows.flatMap(({ device, event, of_n: n, body }) =>
        event === 'outcome' ? [[`${device} ${n}`, (JSON.parse(body) as { outcome: string }).outcome]] : [],
      ),
    );
    const sent = new Map<string, number>();
    const faults: string[] = [];
    for (const { device, event, n, body } of rows) {
      if (event !== 'sent') continue;
      const { session, task, call, approvedBy } = JSON.parse(body) as Record<string, string | undefined>;
      const key = `${session} ${task} ${call}`;
      // A node that loses the session between the permit and the first byte sends nothing and says so: the next owner may send.
      const mayHaveLeft = outcomes.get(`${device} ${n}`) !== 'none';
      sent.set(key, (sent.get(key) ?? 0) + (mayHaveLeft ? 1 : 0));
      if (approvedBy === undefined) faults.push(`the call ${key} was sent without an approval`);
    }
    for (const [key, times] of sent) if (times > 1) faults.push(`the call ${key} was sent ${times} times`);
    for (const { device, fault } of checks)
      if (fault) faults.push(`row ${fault.n} of ${device} does not fit: ${fault.detail}`);
    if (writes > sent.size) faults.push(`the device saw ${writes} writes, the audit log ${sent.size}`);
    return faults;
  } finally {
    await database.close();
  }
}
