import type { ChainCheck } from './check-audit.ts';
import type { CommandDb } from './command-schema.ts';
import { AppError } from '../errors.ts';

/** The end of a chain as somebody keeps it elsewhere. */
export interface KeptHead {
  device: string;
  n: number;
  hash: string;
}

/** The present ends of the chains, or of one. */
export async function listHeads(db: CommandDb, device?: string): Promise<KeptHead[]> {
  const all = db.selectFrom('audit_chains').select(['device', 'n', 'hash']).orderBy('device');
  return (device === undefined ? all : all.where('device', '=', device)).execute();
}

/** A head as one word: `DEVICE:N:HASH`. The name of a device may have colons. */
export function formatHead({ device, n, hash }: KeptHead): string {
  return `${device}:${n}:${hash}`;
}

/** Throws `invalid_request` for a text that is no head. */
export function parseHead(text: string): KeptHead {
  const [, device, n, hash] = /^(.+):(\d+):([0-9a-f]{64})$/.exec(text.trim()) ?? [];
  if (device === undefined || hash === undefined)
    throw new AppError(
      'invalid_request',
      `"${text.slice(0, 200)}" is no head: write DEVICE:N:HASH, as \`lite-agent audit head\` prints it.`,
    );
  return { device, n: Number(n), hash };
}

/** Holds a head that was kept elsewhere against the log: its row must still have this hash. */
export async function checkHead(db: CommandDb, { device, n, hash }: KeptHead): Promise<ChainCheck['fault']> {
  const row = await db
    .selectFrom('audit_rows')
    .select('hash')
    .where('device', '=', device)
    .where('n', '=', n)
    .executeTakeFirst();
  const chain = await db
    .selectFrom('audit_chains')
    .select(['pruned_n', 'pruned_hash'])
    .where('device', '=', device)
    .executeTakeFirst();
  // The row of the head may be the last one that was pruned: the chain keeps its hash.
  const anchor = chain?.pruned_n === n ? chain.pruned_hash : undefined;
  const found = row?.hash ?? anchor;
  if (found === hash) return undefined;
  if (found !== undefined) return { n, detail: 'it does not fit the head that was kept elsewhere' };
  return n < (chain?.pruned_n ?? 0)
    ? { n, detail: `it was pruned (AUDIT_DAYS), so that the head cannot be checked: keep a newer one` }
    : { n, detail: 'the row is missing from the log, and the kept head names it' };
}
