import { expect } from 'chai';
import { sql, type Kysely, type TableMetadata } from 'kysely';
import { newChat, newDeer, newPreset } from '../support/aideer-world.ts';
import { onBothEngines, type ChatWorld } from '../support/chat-world.ts';

type AnyTables = Record<string, Record<string, unknown>>;
interface Tables {
  users: { id: number; uuid: string };
  presets: { id: string; owner: string };
}

/** Tables that hold nothing of a user. A new table is either in this list, or a removed user leaves no row in it. */
const withoutUsers = new Set([
  'device_values', // of devices
  'device_versions', // of the server; an admin describes them
  'devices',
  'failures', // keyed digests, for a day
  'kysely_migration',
  'kysely_migration_lock',
  'nodes',
  'simulations', // documents, for the machine of the operator
  'text_codes', // telephone numbers, for a day
]);
/** A session's tables; a thread fills them. */
const ofSessions = new Set([
  'sessions',
  'messages',
  'tasks',
  'task_contents',
  'calls',
  'controls',
  'questions',
]);
/**
 * The audit logs stay, and who engaged an emergency stop. The mark of the removal goes a day later. The name of an awaited upload goes
 * within an hour, with the object that came late.
 */
const keeping = new Set([
  'audit',
  'audit_chains',
  'audit_heads',
  'audit_rows',
  'awaited_uploads',
  'estops',
  'user_removals',
]);

/** A row whose texts are all the user's id, so that rows of one thing find each other; numbers are 1. */
function rowOf({ name, columns }: TableMetadata, uuid: string): Record<string, unknown> {
  const row = Object.fromEntries(
    columns
      .filter(({ isAutoIncrementing, hasDefaultValue }) => !isAutoIncrementing && !hasDefaultValue)
      .map((column) => [column.name, /text/i.test(column.dataType) ? uuid : 1]),
  );
  if (name === 'vouchers') return { ...row, body: JSON.stringify({ uuid }) };
  return name === 'redeem_codes' ? { ...row, hash: 'a hash', id: 'a code' } : row;
}

async function tablesOf(db: Kysely<AnyTables>): Promise<TableMetadata[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  return tables.filter(({ isView }) => !isView);
}

/** A row in every table that could hold something of a user. */
async function fill(db: Kysely<AnyTables>, uuid: string): Promise<void> {
  for (const table of await tablesOf(db)) {
    const { name } = table;
    if (name === 'users' || withoutUsers.has(name) || ofSessions.has(name) || keeping.has(name)) continue;
    // The preset has left a row in `record_owners`.
    await db
      .insertInto(name)
      .values(rowOf(table, uuid))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** The names of tables with this text in a row. */
async function tablesWith(db: Kysely<AnyTables>, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name } of await tablesOf(db)) {
    const { rows } = await sql`select * from ${sql.table(name)}`.execute(db);
    if (JSON.stringify(rows).includes(text)) found.push(name);
  }
  return found;
}

onBothEngines('a user who is removed', (open) => {
  let world: ChatWorld;
  beforeEach(async function () {
    this.timeout(60_000);
    world = await open();
  });
  afterEach(() => world.close());

  it('leaves no row in any table, except in the audit log', async () => {
    const user = await newDeer(world);
    const preset = await newPreset(world, user, { visibility: 'unlisted' });
    const { uuid } = await world.sql<Tables, { uuid: string }>((db) =>
      db.selectFrom('users').select('uuid').where('id', '=', user.id).executeTakeFirstOrThrow(),
    );
    await world.ok(200, 'POST', '/v1/threads', { token: user.token, body: {} });
    await world.sql<AnyTables, void>((db) => fill(db, uuid));
    await newChat(world, await newDeer(world), { preset });
    await world.ok(200, 'DELETE', `/api/v1/users/${user.id}`, { token: user.token });
    const left = await world.sql<AnyTables, string[]>((db) => tablesWith(db, uuid));
    expect(left.toSorted()).to.deep.equal(['audit', 'user_removals']);
    const kept = await world.sql<Tables, { owner: string } | undefined>((db) =>
      db.selectFrom('presets').select('owner').where('id', '=', preset).executeTakeFirst(),
    );
    expect(kept, 'the preset of another user’s chat').to.deep.equal({ owner: '' });
  });
});
