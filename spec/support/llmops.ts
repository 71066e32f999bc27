import { Ajv2020 } from 'ajv/dist/2020.js';
import { sql, type Kysely } from 'kysely';
import { openTestAccounts, testSecret } from './accounts.ts';
import { openTestApp, type TestApp } from './app.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from './model-server.ts';
import { readConfig } from '../../lib/config.ts';
import type { Parts } from '../../lib/dialects/dialect.ts';
import { llmops } from '../../lib/dialects/llmops/llmops.ts';
import { connectDatabase } from '../../lib/store/database.ts';

/** An answer under `/apps`, with its HTTP status. */
export interface LlmopsAnswer {
  status: number;
  code: string;
  data: Record<string, unknown>;
  message: string;
}

/** Calls `/apps…` in the name of one user, or with whatever token. */
export interface LlmopsClient {
  readonly token: string;
  get(path: string): Promise<LlmopsAnswer>;
  post(path: string, body?: unknown): Promise<LlmopsAnswer>;
  call(path: string, init: RequestInit): Promise<Response>;
  /** An app with this model_config as its draft, if any. */
  newApp(config?: object, memoryMode?: string): Promise<string>;
  /** What an app answers to a sentence. */
  ask(app: string, query: string): Promise<LlmopsAnswer>;
}

/** The whole server, with a scripted model, and users. */
export interface LlmopsUnderTest {
  readonly url: string;
  readonly model: ModelServer;
  /** What the model will say, in order; what is pushed comes after. */
  readonly script: ModelServerStep[];
  readonly db: Kysely<unknown>;
  readonly complaints: string[];
  /** A model_config for the scripted model. */
  config(more?: object): object;
  /** A client with a user of its own. */
  client(): Promise<LlmopsClient>;
  clientWith(token: string): LlmopsClient;
  /** The server ends, and begins again on the same database. */
  restart(): Promise<void>;
  /** Everything in the database, as text. */
  dump(): Promise<string>;
  close(): Promise<void>;
}

/** A document of a device with one operation. */
export const lampDocument = JSON.stringify({
  openapi: '3.0.0',
  info: { title: 'Lamp', version: '1' },
  servers: [{ url: 'http://127.0.0.1:9' }],
  paths: { '/on': { post: { operationId: 'on', responses: { 200: { description: 'ok' } } } } },
});

const JSON_HEADERS = { 'content-type': 'application/json' };

export const operatorToken = 'the-operators-own-token';

/** Opens the server over a database that is not in memory: users are made beside it. */
export async function openLlmops(
  databaseUrl: string,
  env: Record<string, string> = {},
): Promise<LlmopsUnderTest> {
  const script: ModelServerStep[] = [];
  const model = await startModelServer(script);
  const settings = { DATABASE_URL: databaseUrl, JWT_SECRET: testSecret, AUTH_TOKEN: operatorToken };
  const open = (): Promise<TestApp> =>
    openTestApp({ ...settings, SECRET_KEY: 'a secret key for specs', ...env });
  let app = await open();
  const complaints: string[] = [];
  const database = await connectDatabase({ databaseUrl, onError: () => undefined });
  const accounts = await openTestAccounts({ database });
  const db = database.tables<unknown>();
  let count = 0;

  function clientWith(token: string): LlmopsClient {
    const call = (path: string, { headers, ...init }: RequestInit): Promise<Response> =>
      fetch(`${app.url}${path}`, {
        ...init,
        headers: { ...(token && { authorization: `Bearer ${token}` }), ...(headers as object) },
      });
    const answered = async (response: Response, method: string, path: string): Promise<LlmopsAnswer> => {
      const answer = (await response.json()) as Omit<LlmopsAnswer, 'status'>;
      if (answer.code === 'success') expectShape(method, path, answer);
      return { status: response.status, ...answer };
    };
    const client: LlmopsClient = {
      token,
      call,
      get: async (path) => answered(await call(path, {}), 'GET', path),
      post: async (path, body) =>
        answered(
          await call(path, {
            method: 'POST',
            ...(body !== undefined && { body: JSON.stringify(body), headers: JSON_HEADERS }),
          }),
          'POST',
          path,
        ),
      async newApp(config, memoryMode = 'none') {
        const { data } = await client.post('/apps', { name: 'App', icon: 'http://a.example/i.png' });
        const id = data['id'] as string;
        if (config) {
          const saved = await client.post(`/apps/${id}/config`, {
            model_config: config,
            memory_mode: memoryMode,
          });
          if (saved.code !== 'success') throw new Error(JSON.stringify(saved));
        }
        return id;
      },
      ask: (id, query) => client.post(`/apps/${id}/debug`, { query }),
    };
    return client;
  }

  return {
    get url() {
      return app.url;
    },
    model,
    script,
    db,
    get complaints() {
      complaints.push(...app.complaints.splice(0));
      return complaints;
    },
    config: (more = {}) => ({
      dialog_round: 3,
      llmConfig: { baseUrl: model.baseUrl, apiKey: 'sk-canary-0123456789abcd', model: 'gpt-4o' },
      ...more,
    }),
    async client() {
      count += 1;
      const user = await accounts.users.create({ username: `user-${process.pid}-${count}-${Date.now()}` });
      return clientWith((await accounts.signIns.begin(user.uuid, { method: 'test' })).accessToken);
    },
    clientWith,
    async restart() {
      await app.close();
      complaints.push(...app.complaints);
      app = await open();
    },
    async dump() {
      const tables = await db.introspection.getTables();
      const rows = await Promise.all(
        tables.map(async ({ name }) => (await sql`select * from ${sql.table(name)}`.execute(db)).rows),
      );
      return JSON.stringify(rows);
    },
    async close() {
      await app.close();
      await accounts.close();
      await database.close();
      await model.close();
    },
  };
}

const context = { agents: {}, sessions: {}, config: readConfig({ env: {}, cwd: '/nowhere' }) };
const { routes } = llmops.mount(context as unknown as Parts);
// One for all answers: a new one compiles the schema of schemas again, which takes 50 ms.
const ajv = new Ajv2020({ strict: false, formats: { uuid: /^[\da-f-]{36}$/ } });

/** Every answer has the shape that the route is described with. */
function expectShape(method: string, path: string, answer: object): void {
  const [bare = ''] = path.split('?');
  const found = routes.find(
    (route) =>
      route.method === method && new RegExp(`^${route.path.replaceAll(/:\w+/g, '[^/]+')}$`).test(bare),
  );
  if (!ajv.validate(found!.answer as object, answer))
    throw new Error(`${method} ${path} answers otherwise than described: ${ajv.errorsText()}`);
}
