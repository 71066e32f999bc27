import type { Command } from 'commander';
import { withAskers, type WithAsker } from '../accounts/askers.ts';
import { createUserLookup } from '../accounts/user-lookup.ts';
import type { UserLookup } from '../accounts/users.ts';
import { systemClock } from '../common/clock.ts';
import { formatExactly } from '../common/exact-numbers.ts';
import type { JsonObject } from '../common/json.ts';
import { readConfig } from '../config.ts';
import { keyFolderOf } from '../data-folder.ts';
import { loadAuditKey } from '../devices/audit-key.ts';
import { CallAudit } from '../devices/call-audit.ts';
import { checkHead, formatHead, listHeads, parseHead, type KeptHead } from '../devices/audit-heads.ts';
import { checkAudit, type ChainCheck } from '../devices/check-audit.ts';
import type { CommandDb, CommandTables } from '../devices/command-schema.ts';
import type { CallAuditRow } from '../devices/list-calls.ts';
import { AppError } from '../errors.ts';
import { parseCount } from '../setting-values.ts';
import { connectDatabase } from '../store/database.ts';
import { print } from './io.ts';

/** `export` prints more. */
const SHOWN_MAX_COUNT = 10_000;

/** The options that `list`, `verify`, `head` and `export` share. */
interface AuditOptions {
  device?: string;
  json?: boolean;
}

/** Adds `audit`: the audit log of writes, in the database of the settings. */
export function addAudit(program: Command): void {
  const audit = program
    .command('audit')
    .description('show, check and export the audit log of writes, in the database of the settings')
    .helpCommand(false);
  audit
    .command('list')
    .description('show the newest writes that were tried')
    .option('--device <name>', 'of this device only')
    .option('--limit <count>', 'so many rows', '20')
    .option('--json', 'print one JSON value: [{"device","n","at","event","tool","arguments","outcome",…}]')
    .action(({ device, limit, json }: AuditOptions & { limit: string }) =>
      withAudit(async ({ log, users }) => {
        const newest = await log.listNewest({ device, limit: parseCount(limit, 1, SHOWN_MAX_COUNT) });
        const shown = await withAskers(users, newest);
        const text = json ? formatExactly(shown as unknown as JsonObject[]) : shown.map(describe).join('\n');
        await print(process.stdout, `${text || 'No write was tried.'}\n`);
      }),
    );
  audit
    .command('verify')
    .description('check every chain: a row that was changed, removed or cut off is named')
    .option('--device <name>', 'the chain of this device only')
    .option('--head <head...>', 'heads that were kept elsewhere: DEVICE:N:HASH, as `audit head` printed them')
    .option('--json', 'print one JSON value: [{"device","rows","heads","pruned"?,"fault"?}]')
    .action(({ device, json, head = [] }: AuditOptions & { head?: string[] }) =>
      withAudit(async ({ db, key }) => {
        const checks = await checkAudit(db, key, device);
        await addKeptHeads(db, checks, head.map(parseHead));
        const lines = checks.map(describeCheck);
        const text = lines.join('\n') || 'The audit log is empty.';
        await print(process.stdout, `${json ? JSON.stringify(checks) : text}\n`);
        if (checks.some(({ fault }) => fault)) process.exitCode = 1;
      }),
    );
  audit
    .command('head')
    .description(
      'print the end of every chain, DEVICE:N:HASH: keep it elsewhere, and `verify --head` finds a log that was replaced',
    )
    .option('--device <name>', 'of the chain of this device only')
    .option('--json', 'print one JSON value: [{"device","n","hash"}]')
    .action(({ device, json }: AuditOptions) =>
      withAudit(async ({ db }) => {
        const heads = await listHeads(db, device);
        const text = heads.map(formatHead).join('\n') || 'The audit log is empty.';
        await print(process.stdout, `${json ? JSON.stringify(heads) : text}\n`);
      }),
    );
  audit
    .command('export')
    .description('print every row as a line of JSON')
    .option('--device <name>', 'of this device only')
    .action(({ device }: AuditOptions) =>
      withAudit(async ({ log }) => {
        // Page by page: a log may be larger than memory.
        for await (const page of log.pages({ device })) {
          const lines = page.map((row) => `${formatExactly(row as unknown as JsonObject)}\n`);
          await print(process.stdout, lines.join(''));
        }
      }),
    );
}

/** Holds heads against the log. A fault stands with its chain; a chain that the log does not have gets a row of its own. */
async function addKeptHeads(db: CommandDb, checks: ChainCheck[], heads: readonly KeptHead[]): Promise<void> {
  for (const head of heads) {
    const fault = await checkHead(db, head);
    if (!fault) continue;
    const check = checks.find(({ device }) => device === head.device);
    // The whole chain is gone: only the head that was kept says that there was one.
    if (!check) checks.push({ device: head.device, rows: 0, heads: 0, fault });
    else check.fault ??= fault;
  }
}

/** The result of a check in a line. */
function describeCheck({ device, rows, heads, pruned, fault }: ChainCheck): string {
  if (fault) return `${device}: row ${fault.n} does not fit: ${fault.detail}`;
  const since = pruned === undefined ? '' : `, after row ${pruned}, the last one that was pruned`;
  return `${device}: ${rows} rows fit, ${heads} signed heads${since}`;
}

/** The parts that the commands work with. */
interface AuditParts {
  db: CommandDb;
  log: CallAudit;
  users: UserLookup;
  key: ReturnType<typeof loadAuditKey>;
}

/** Opens the log, and closes its database after the work. Throws `invalid_request` for a database in memory. */
async function withAudit(work: (parts: AuditParts) => Promise<void>): Promise<void> {
  const config = readConfig();
  const { databaseUrl } = config;
  if (databaseUrl === 'sqlite::memory:')
    throw new AppError(
      'invalid_request',
      'DATABASE_URL is in memory, so there is no audit log. Set another.',
    );
  // The key that signs the heads is a file of DATA_DIR, and not in the database that it vouches for.
  const key = loadAuditKey(keyFolderOf(config));
  const database = await connectDatabase({ databaseUrl, onError: () => {} });
  try {
    const db = database.tables<CommandTables>();
    const users = createUserLookup(database.tables());
    await work({ db, log: new CallAudit(db, key, systemClock), users, key });
  } finally {
    await database.close();
  }
}

function describe({
  at,
  device,
  tool,
  arguments: args,
  event,
  outcome,
  askedByName,
  approvedBy,
  rule,
}: WithAsker<CallAuditRow>): string {
  const fate = event === 'sent' ? `sent, ${outcome ?? 'outcome not known yet'}` : event;
  const asked = askedByName === undefined ? '' : `, asked by ${askedByName}`;
  const approved = approvedBy === undefined ? '' : `, approved by ${approvedBy}`;
  const why = event === 'sent' || rule === undefined ? '' : `\n    ${rule}`;
  return `${new Date(at).toISOString()}  ${device}: ${tool} ${formatExactly(args)}  ${fate}${asked}${approved}${why}`;
}
