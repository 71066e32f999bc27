import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import type { User } from '../../lib/accounts/users.ts';
import type { Role } from '../../lib/core/principal.ts';
import { openTestAccounts, testSecret, type TestAccounts } from './accounts.ts';
import { openTestApp, type TestApp } from './app.ts';

/** An answer as it came. */
export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** Somebody who calls the server. */
export interface Caller {
  readonly user: User;
  readonly token: string;
  /** The official client, pointed at the server. */
  readonly openai: OpenAI;
  /** One call, with the token; a body that is no form is sent as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** The whole server over a database in a folder of its own, with users that sign in. */
export interface ThreadServer {
  readonly url: string;
  readonly folder: string;
  readonly app: TestApp;
  readonly accounts: TestAccounts;
  /** What was logged as a warning or an error. */
  readonly complaints: string[];
  /** A new user, who shows a token of a sign-in, or a key. */
  caller(name: string, role?: Role, how?: 'token' | 'key'): Promise<Caller>;
  /** The calls of somebody who shows this token. */
  as(token: string): Caller['call'];
  /** A call without a token. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

/** Opens the server; `env` over settings for specs. The database is a file, as the users are made beside the server. */
export async function openThreadServer(env: Record<string, string> = {}): Promise<ThreadServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lite-agent-threads-'));
  const databaseUrl = env['DATABASE_URL'] ?? `sqlite:${join(folder, 'test.db')}`;
  const app = await openTestApp({
    DATABASE_URL: databaseUrl,
    DATA_DIR: folder,
    JWT_SECRET: testSecret,
    ...env,
  });
  const accounts = await openTestAccounts({ databaseUrl });
  const call = (token?: string): ThreadServer['call'] => {
    return async (method, path, body, headers = {}) => {
      const raw = body === undefined || body instanceof FormData || typeof body === 'string';
      const response = await fetch(`${app.url}${path}`, {
        method,
        redirect: 'manual',
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(raw ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: raw ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const json = /^application\/([\w.-]+\+)?json\b/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
    };
  };
  return {
    url: app.url,
    folder,
    app,
    accounts,
    complaints: app.complaints,
    async caller(name, role = 'user', how = 'token') {
      const user = await accounts.users.create({ username: name, role });
      const signIn = await accounts.signIns.begin(user.uuid, { method: 'test' });
      const token = how === 'key' ? (await accounts.apiKeys.create(user.uuid)).key : signIn.accessToken;
      const openai = new OpenAI({ apiKey: token, baseURL: `${app.url}/v1`, maxRetries: 0 });
      return { user, token, openai, call: call(token) };
    },
    as: call,
    call: call(),
    async close() {
      await app.close();
      await accounts.close();
      await rm(folder, { recursive: true });
    },
  };
}
