import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '../../lib/core/principal.ts';
import type { Store } from '../../lib/core/store.ts';
import { openStoreOn } from '../../lib/store/index.ts';
import { openTestAccounts, testSecret, type TestAccounts } from './accounts.ts';
import { openTestApp, type TestApp } from './app.ts';
import { openPostgresServer } from './postgres.ts';
import { openRest, type Rest } from './rest.ts';

/** Somebody who calls any node. */
export interface NodeCaller {
  readonly uuid: string;
  readonly token: string;
}

/** Whole servers in this process over one PostgreSQL, with users that sign in. */
export interface CommandNodes {
  readonly databaseUrl: string;
  readonly folder: string;
  /** The settings of every node. */
  readonly settings: Record<string, string>;
  readonly apps: TestApp[];
  /** The store of each node; a spec may stand between. */
  readonly stores: Store[];
  /** One more node. */
  open(): Promise<TestApp>;
  caller(name: string, role?: Role): Promise<NodeCaller>;
  /** The calls of a node. */
  on(node: number): Rest;
  close(): Promise<void>;
}

/** Opens so many nodes; without nodes, only the database and its users. */
export async function openCommandNodes(count: number): Promise<CommandNodes> {
  const server = await openPostgresServer();
  const databaseUrl = await server.createDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'lite-agent-nodes-'));
  const settings = {
    DATABASE_URL: databaseUrl,
    DATA_DIR: folder,
    PORT: '0',
    AUTH: 'required',
    JWT_SECRET: testSecret,
    SECRET_KEY: 'a secret of the nodes',
    LOG_LEVEL: 'silent',
  };
  const apps: TestApp[] = [];
  const stores: Store[] = [];
  let accounts: TestAccounts | undefined;
  const nodes: CommandNodes = {
    databaseUrl,
    folder,
    settings,
    apps,
    stores,
    async open() {
      const app = await openTestApp(settings, {
        async openStore(database, options) {
          const store = await openStoreOn(database, options);
          stores.push(store);
          return store;
        },
      });
      apps.push(app);
      return app;
    },
    async caller(username, role = 'user') {
      accounts ??= await openTestAccounts({ databaseUrl });
      const { uuid } = await accounts.users.create({ username, role });
      const { accessToken: token } = await accounts.signIns.begin(uuid, { method: 'test' });
      return { uuid, token };
    },
    on: (node) => openRest(apps[node]!.url),
    async close() {
      for (const app of apps.splice(0)) await app.close();
      await accounts?.close();
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
  for (let node = 0; node < count; node += 1) await nodes.open();
  return nodes;
}
