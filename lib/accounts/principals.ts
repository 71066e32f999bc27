import type { CompiledQuery } from 'kysely';
import type { Clock } from '../common/clock.ts';
import type { Account, Principal, Role } from '../core/principal.ts';
import type { AccountsDb } from './schema.ts';
import { splitWords } from './user-rows.ts';

/** The principals of credentials, as the database knows them at this moment; all questions of one tick are one statement. */
export interface Principals {
  /** Undefined when the sign-in is unknown or has ended, or its user is disabled. */
  ofSignIn(id: string): Promise<Principal | undefined>;
  /** The same for a key, by its hash, with the dialects that the key is for (empty: all). */
  ofKey(hash: string): Promise<{ principal: Principal; dialects: string[] } | undefined>;
  /** The same, by the key's id. */
  ofKeyId(id: string): Promise<{ principal: Principal; dialects: string[] } | undefined>;
}

/** A credential with its user, as one row. */
interface Row {
  /** The value that the row was asked for: an id, or the hash of a key. */
  lookup: string;
  id: string;
  /** When the credential was made. */
  since: number;
  /** When the credential expires; null: never. */
  until: number | null;
  ended_at: number | null;
  /** Words with a space between, as are the scopes. Empty for a sign-in. */
  dialects: string;
  key_scopes: string;
  approved_at: number | null;
  number: number;
  uuid: string;
  name: string;
  role: Role;
  scopes: string;
  disabled_at: number | null;
}

/** Statements of at most so many values, so that few have to be compiled. */
const KEYS_A_STATEMENT = 100;

/** Principals over the tables of users, sign-ins and keys. Nothing is cached, so that a revoked credential ends at once on every node. */
export function createPrincipals(db: AccountsDb, clock: Clock): Principals {
  const user = [
    'u.id as number',
    'u.uuid',
    'u.name',
    'u.role',
    'u.scopes',
    'u.approved_at',
    'u.disabled_at',
  ] as const;
  const signIns = batched<Row>((ids) =>
    run(db, `signIns ${ids.length}`, ids, () =>
      db
        .selectFrom('sign_ins as c')
        .innerJoin('users as u', 'u.uuid', 'c.user_uuid')
        .select(['c.id as lookup', 'c.id', 'c.created_at as since', 'c.until', 'c.ended_at', ...user])
        .select(({ val }) => [val('').as('dialects'), val('').as('key_scopes')])
        .where('c.id', 'in', ids)
        .compile(),
    ),
  );
  const keysBy = (column: 'id' | 'hash') =>
    batched<Row>((values) =>
      run(db, `keys ${column} ${values.length}`, values, () =>
        db
          .selectFrom('api_keys as c')
          .innerJoin('users as u', 'u.uuid', 'c.user_uuid')
          .select([
            `c.${column} as lookup`,
            'c.id',
            'c.created_at as since',
            'c.until',
            'c.ended_at',
            'c.dialects',
            'c.scopes as key_scopes',
            ...user,
          ])
          .where(`c.${column}`, 'in', values)
          .compile(),
      ),
    );
  const byHash = keysBy('hash');
  const byId = keysBy('id');

  /** The principal of a row; undefined for a credential that has ended or expired, and for a disabled user. */
  function principalOf(row: Row | undefined, kind: 'signIn' | 'key'): Principal | undefined {
    if (!row || row.ended_at !== null || row.disabled_at !== null) return undefined;
    if (row.until !== null && row.until <= clock.now()) return undefined;
    const account: Account = {
      number: row.number,
      name: row.name,
      role: row.role,
      scopes: splitWords(row.scopes),
      approved: row.approved_at !== null,
      credential:
        kind === 'key' ? { kind, id: row.id, scopes: splitWords(row.key_scopes) } : { kind, id: row.id },
      signedInAt: kind === 'signIn' ? row.since : null,
      expiresAt: row.until,
    };
    return { id: row.uuid, kind: 'user', account };
  }

  async function ofKey(lookup: Promise<Row | undefined>) {
    const row = await lookup;
    const principal = principalOf(row, 'key');
    return principal && row && { principal, dialects: splitWords(row.dialects) };
  }

  return {
    ofSignIn: async (id) => principalOf(await signIns(id), 'signIn'),
    ofKey: (hash) => ofKey(byHash(hash)),
    ofKeyId: (id) => ofKey(byId(id)),
  };
}

/** The compiled statements of each database, by name. */
const statements = new WeakMap<AccountsDb, Map<string, CompiledQuery<Row>>>();

/** Runs a statement that is compiled once for each number of values. */
async function run(
  db: AccountsDb,
  name: string,
  values: readonly string[],
  compile: () => CompiledQuery<Row>,
): Promise<Row[]> {
  const known = statements.get(db) ?? new Map<string, CompiledQuery<Row>>();
  statements.set(db, known);
  const statement = known.get(name) ?? compile();
  known.set(name, statement);
  // Constants of the statement come before the values, which are in its last condition.
  const fixed = statement.parameters.slice(0, statement.parameters.length - values.length);
  return (await db.executeQuery<Row>({ ...statement, parameters: [...fixed, ...values] })).rows;
}

/** Reads the keys of one event-loop tick at once. */
function batched<T extends { lookup: string }>(
  read: (keys: string[]) => Promise<T[]>,
): (key: string) => Promise<T | undefined> {
  let waiting: Set<string> | undefined;
  let reading: Promise<Map<string, T>> | undefined;

  async function readAll(keys: Set<string>): Promise<Map<string, T>> {
    // Requests that arrive in this tick still add their keys.
    await new Promise((resolve) => setImmediate(resolve));
    // A key that comes while the statement runs waits for the next one: the answer may be older than the key.
    waiting = undefined;
    const list = [...keys];
    const found = new Map<string, T>();
    for (let from = 0; from < list.length; from += KEYS_A_STATEMENT)
      for (const row of await read(list.slice(from, from + KEYS_A_STATEMENT))) found.set(row.lookup, row);
    return found;
  }

  return async (key) => {
    if (!waiting || !reading) {
      waiting = new Set();
      reading = readAll(waiting);
    }
    waiting.add(key);
    return (await reading).get(key);
  };
}
