/*
 * A change of the schema is a new entry at the end, named by its number. A released entry is never edited: databases in
 * the field have run it. What SQLite and PostgreSQL write differently is in the engine's TableStyle. The spec opens a
 * database of every earlier release and brings it to the newest one, on both engines. The columns are explained at the types of
 * their tables: in schema.ts, and in the schemas of the parts of the server that own them.
 */

import { sql, type Kysely, type Migration } from 'kysely';
import type { TableStyle } from '../engine.ts';
import { accountTables } from './account-tables.ts';
import { auditByTime } from './audit-by-time.ts';
import { awaitedUploads } from './awaited-uploads.ts';
import { appConversations } from './app-conversations.ts';
import { appPublications } from './app-publications.ts';
import { approvals } from './approvals.ts';
import { agentTables } from './agent-tables.ts';
import { chatTables } from './chat-tables.ts';
import { deviceTables } from './device-tables.ts';
import { commandTables } from './command-tables.ts';
import { firstRequests } from './first-requests.ts';
import { fileTables } from './file-tables.ts';
import { questionTables } from './question-tables.ts';
import { sessionTables } from './session-tables.ts';
import { overlappingWrites } from './overlapping-writes.ts';
import { sessionTotals } from './session-totals.ts';
import { prunedAudit } from './pruned-audit.ts';
import { recordOwners } from './record-owners.ts';
import { simulationTables } from './simulations.ts';
import { storedCompletions } from './stored-completions.ts';
import { taskContents } from './task-contents.ts';
import { longTexts } from './long-texts.ts';

/** Every change of the schema, in order; never edited once released. One list for all engines, each in its own style. */
export function migrationsFor(style: TableStyle): Record<string, Migration> {
  return {
    // Kysely runs the entries by their names, and refuses a database in which a later one has run before an earlier one.
    '0001-sessions': sessionTables,
    '0002-stopping': {
      async up(db: Kysely<unknown>) {
        await db.schema
          .alterTable('tasks')
          .addColumn('stopping', 'integer', (column) => column.notNull().defaultTo(0))
          .execute();
      },
    },
    '0003-accounts': accountTables(style),
    '0004-threads': {
      async up(db: Kysely<unknown>) {
        await db.schema.alterTable('sessions').addColumn('attributes', 'text').execute();
        await db.schema.alterTable('messages').addColumn('marks', 'text').execute();
        await db.schema.alterTable('controls').addColumn('line', 'text').execute();
      },
    },
    '0005-agents': agentTables,
    '0006-files': fileTables,
    '0007-chats': chatTables(style),
    '0008-nodes': {
      async up(db: Kysely<unknown>) {
        await db.schema
          .createTable('nodes')
          .addColumn('name', 'text', (column) => column.primaryKey())
          .addColumn('lease_until', 'bigint', (column) => column.notNull())
          .execute();
        await db.schema.alterTable('sessions').dropColumn('lease_until').execute();
      },
    },
    '0009-user-removals': {
      async up(db: Kysely<unknown>) {
        await db.schema
          .createTable('user_removals')
          .addColumn('user_uuid', 'text', (column) => column.primaryKey())
          .addColumn('begun_at', 'bigint', (column) => column.notNull())
          .addColumn('done_at', 'bigint')
          .execute();
      },
    },
    '0010-approvals': approvals,
    '0011-first-requests': firstRequests,
    '0012-stored-bytes': {
      async up(db: Kysely<unknown>) {
        await db.schema
          .createTable('named_objects')
          .addColumn('key', 'text', (column) => column.primaryKey())
          .addColumn('owner', 'text', (column) => column.notNull())
          .addColumn('bytes', 'bigint', (column) => column.notNull())
          .execute();
        await db.schema
          .alterTable('sessions')
          .addColumn('config_bytes', 'bigint', (column) => column.notNull().defaultTo(0))
          .execute();
        // About: the length of the sealed text, as no configuration is opened here.
        await sql`update sessions set config_bytes = length(config)`.execute(db);
      },
    },
    '0013-app-conversations': appConversations,
    '0020-devices': deviceTables,
    '0030-questions': questionTables,
    '0031-command': commandTables,
    '0040-stored-completions': storedCompletions,
    '0070-task-contents': taskContents,
    '0075-app-publications': appPublications,
    '0080-simulations': simulationTables,
    '0081-pruned-audit': prunedAudit,
    '0090-overlapping-writes': overlappingWrites,
    '0100-session-totals': sessionTotals,
    '0101-audit-by-time': auditByTime,
    '0120-awaited-uploads': awaitedUploads,
    '0130-record-owners': recordOwners,
    '0155-long-texts': longTexts,
  };
}
