import type { Kysely, Migration } from 'kysely';

/** Files, unfinished uploads, the documents that agents keep about users, metadata of completions. */
export const fileTables: Migration = {
  async up(db: Kysely<unknown>) {
    await createFiles(db);
    await createUploads(db);
    await createUsage(db);
    await createMemory(db);
  },
};

/** Files, and the objects that each is made of. */
async function createFiles(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('files')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('filename', 'text', (column) => column.notNull())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('mime_type', 'text', (column) => column.notNull())
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .execute();
  await db.schema.createIndex('files_by_owner').on('files').columns(['owner', 'position']).execute();
  await db.schema.createIndex('files_by_expiry').on('files').column('expires_at').execute();
  await db.schema
    .createTable('file_objects')
    .addColumn('file_id', 'text', (column) => column.notNull())
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('object', 'text', (column) => column.notNull())
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('file_objects_pk', ['file_id', 'position'])
    .execute();
  await db.schema.createIndex('file_objects_by_object').on('file_objects').column('object').execute();
}

/** Uploads, and the parts that were sent. */
async function createUploads(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('uploads')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('session_id', 'text')
    .addColumn('filename', 'text', (column) => column.notNull())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('mime_type', 'text', (column) => column.notNull())
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('file_life_ms', 'bigint')
    .addColumn('file_id', 'text')
    .execute();
  await db.schema
    .createIndex('uploads_pending')
    .on('uploads')
    .column('expires_at')
    .where('status' as never, '=', 'pending')
    .execute();
  await db.schema
    .createTable('upload_parts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('upload_id', 'text', (column) => column.notNull())
    .addColumn('object', 'text', (column) => column.notNull())
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('md5', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('upload_parts_by_upload').on('upload_parts').column('upload_id').execute();
  await db.schema.createIndex('upload_parts_by_object').on('upload_parts').column('object').execute();
}

/** The room that each owner takes. */
async function createUsage(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('file_usage')
    .addColumn('owner', 'text', (column) => column.primaryKey())
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .execute();
}

/** The documents about each user, and notes about completions. */
async function createMemory(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('memory')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('memory_pk', ['owner', 'kind'])
    .execute();
  await db.schema
    .createTable('completions')
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('metadata', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('completions_pk', ['owner', 'id'])
    .execute();
}
