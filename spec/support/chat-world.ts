import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { connectDatabase } from '../../lib/store/database.ts';
import { openTestApp, type TestApp } from './app.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from './model-server.ts';
import { openPostgresServer, type Postgres } from './postgres.ts';
import { openRest, type Rest } from './rest.ts';

/** A server with all dialects, a model that says what `steps` holds, and a folder of its own. */
export interface ChatWorld extends Rest {
  readonly app: TestApp;
  readonly model: ModelServer;
  /** What the model says next, and after that. */
  readonly steps: ModelServerStep[];
  readonly folder: string;
  /** Works on the server's database from aside. */
  sql<Tables, T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  /** Ends the server and starts it again on the same database; other settings win over those before. */
  restart(env?: Record<string, string>): Promise<void>;
  close(): Promise<void>;
}

export async function openChatWorld(env: Record<string, string> = {}): Promise<ChatWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'lite-agent-chat-'));
  const steps: ModelServerStep[] = [];
  const model = await startModelServer(steps);
  let settings = {
    DATABASE_URL: `sqlite:${join(folder, 'chat.db')}`,
    DATA_DIR: folder,
    baseUrl: model.baseUrl,
    apiKey: 'sk-own',
    ...env,
  };
  let app = await openTestApp(settings);
  return {
    get app() {
      return app;
    },
    model,
    steps,
    folder,
    call: (...call) => openRest(app.url).call(...call),
    ok: (...call) => openRest(app.url).ok(...call),
    async sql<Tables, T>(work: (db: Kysely<Tables>) => Promise<T>) {
      const database = await connectDatabase({
        databaseUrl: settings.DATABASE_URL,
        onError: () => undefined,
      });
      try {
        return await work(database.tables<Tables>());
      } finally {
        await database.close();
      }
    },
    async restart(more = {}) {
      await app.close();
      settings = { ...settings, ...more };
      app = await openTestApp(settings);
    },
    async close() {
      await app.close();
      await model.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a suite over SQLite and over PostgreSQL; `open` gives the world of a test. */
export function onBothEngines(name: string, suite: (open: typeof openChatWorld) => void): void {
  describe(`${name}, on SQLite`, () => suite(openChatWorld));
  describe(`${name}, on PostgreSQL`, () => {
    let postgres: Postgres;
    before(async function () {
      this.timeout(60_000);
      postgres = await openPostgresServer();
    });
    after(() => postgres.close());
    suite(async (env?: Record<string, string>) =>
      openChatWorld({ DATABASE_URL: await postgres.createDatabase(), ...env }),
    );
  });
}

export const password = 'correct horse battery';

/** A user of contract 4 with its tokens. */
export interface ChatUser {
  email: string;
  username: string;
  access: string;
  refresh: string;
}

let users = 0;

export async function registerUser(world: Rest): Promise<ChatUser> {
  users += 1;
  const user = { email: `u${users}@example.com`, username: `user ${users}` };
  const pair = await world.ok<{ access_token: string; refresh_token: string }>(
    200,
    'POST',
    '/user/register',
    {
      body: { ...user, password },
    },
  );
  return { ...user, access: pair.access_token, refresh: pair.refresh_token };
}

/** A model configuration at the world's model. */
export async function makeConfig(
  world: ChatWorld,
  user: Pick<ChatUser, 'access'>,
  more: object = {},
): Promise<number> {
  const config = {
    name: 'Mine',
    base_url: world.model.baseUrl,
    model_name: 'gpt-test',
    api_key: 'sk-secret-0123451d9a',
    params: {},
  };
  const { config_id: id } = await world.ok<{ config_id: number }>(201, 'POST', '/model_config/create', {
    token: user.access,
    body: { ...config, ...more },
  });
  return id;
}

export async function makeConversation(world: ChatWorld, user: ChatUser, config?: number): Promise<number> {
  const { conversation_id: id } = await world.ok<{ conversation_id: number }>(
    201,
    'POST',
    '/conversation/create',
    { token: user.access, body: { model_config_id: config ?? (await makeConfig(world, user)) } },
  );
  return id;
}
