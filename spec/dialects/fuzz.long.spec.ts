import { expect } from 'chai';
import fc from 'fast-check';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { permissionFor, type Action } from '../../lib/accounts/permissions.ts';
import { createThings } from '../support/access-rows.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';
import { almostValuesOf, anyText } from '../support/arbitrary.ts';
import { checkLoop, startWatchdog } from '../support/loop-watchdog.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';

type Schema = Record<string, unknown>;
interface Operation {
  parameters?: { name: string; in: 'path' | 'query'; required: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  'x-permission'?: Action;
}
interface Channel {
  address: string;
  messages: Record<string, { payload: Schema }>;
  bindings: { ws: { query: { required?: string[] } } };
}
interface Route extends Operation {
  method: string;
  path: string;
}

const RUNS = 8;
const FRAMES = 200;
const ANSWER_MS = 10_000;
const canary = 'sk-canary-0123456789-of-the-endpoint';
/** What no answer may tell: secrets, where the server lies, what its code is. */
const leaks = new RegExp(
  `${canary}|operator-canary|node_modules|/lib/[a-z]+/|\\bat [\\w.<>]+ \\(|SQLITE_|select .* from`,
);
/** What an answer may say when something outside of the server is asked for; WeChat is not set up here. */
const isOutside = (status: number, path: string): boolean =>
  status === 502 || (status === 503 && path.includes('/wechat/'));

describe('any input', function () {
  this.timeout(180_000);
  let postgres: Postgres;
  before(async () => {
    postgres = await openPostgresServer();
  });
  after(() => postgres.close());

  sendAnything('SQLite', async () => ({}));
  sendAnything('PostgreSQL', async () => ({ DATABASE_URL: await postgres.createDatabase() }));
});

function sendAnything(engine: string, settings: () => Promise<Record<string, string>>): void {
  describe(`over ${engine}`, () => {
    let server: ThreadServer;
    let ada: Caller;
    let root: Caller;
    let routes: Route[];
    let channels: Record<string, Channel>;
    /** Things that are there, to be named now and then. */
    let known: Record<string, string[]>;
    let watchdog: ReturnType<typeof startWatchdog>;
    before(async () => {
      server = await openThreadServer({
        AUTH_TOKEN: 'operator-canary-0123456789',
        SECRET_KEY: canary,
        ...(await settings()),
      });
      ada = await server.caller('ada', 'user', 'key'); // which nothing signs out
      root = await server.caller('root', 'admin');
      const things = createThings(ada, root);
      const [thread, message] = await things.message();
      known = {
        id: [await things.session()],
        thread: [thread],
        name: [await things.device()],
        message: [message],
        upload: [await things.upload()],
        file: [await things.file(), 'png', 'page.js'],
        app_id: [await things.app()],
        message_id: [message],
        provider: ['github'],
        key: ['a/b.png'],
        conversation_id: [String(await things.conversation())],
      };
      const { paths } = (await ada.call('GET', '/openapi.json')).body as {
        paths: Record<string, Record<string, Operation>>;
      };
      routes = Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({
          path,
          method: method.toUpperCase(),
          ...operation,
        })),
      );
      ({ channels } = (await ada.call('GET', '/asyncapi.json')).body as {
        channels: Record<string, Channel>;
      });
      watchdog = startWatchdog();
    });
    after(() => {
      watchdog.stop();
      return server.close();
    });

    /** The callers that a route lets in, and nobody: an admin where users are refused. No run removes the users of the others. */
    function callersOf({ 'x-permission': action }: Route): Pick<Caller, 'call'>[] {
      const isForAdmins = action !== undefined && !permissionFor(action).standings.includes('user');
      return isForAdmins && action !== 'manage users' ? [root] : [ada, server];
    }

    function requestsOf({
      path,
      parameters = [],
      requestBody,
    }: Route): fc.Arbitrary<{ path: string; body: unknown }> {
      const values = parameters.map((parameter) => {
        const { name, in: place, schema } = parameter;
        const there = known[name] ?? [];
        const value = fc.oneof(
          ...there.map((one) => fc.constant(one)),
          place === 'path' ? anyText.filter((text) => text !== '') : almostValuesOf(schema).map(textOf),
        );
        return place === 'path' ? value : fc.option(value, { nil: undefined });
      });
      const json = requestBody?.content['application/json']?.schema;
      const body = json ? fc.option(almostValuesOf(json), { nil: undefined }) : fc.constant(undefined);
      return fc.tuple(fc.tuple(...values), body).map(([given, content]) => {
        let target = path;
        const query = new URLSearchParams();
        parameters.forEach(({ name, in: place }, index) => {
          const value = given[index];
          if (place === 'path') target = target.replace(`{${name}}`, encode(value ?? ''));
          else if (value !== undefined) query.set(name, value);
        });
        const search = query.toString();
        return { path: search === '' ? target : `${target}?${search}`, body: content };
      });
    }

    it('is answered without a 500, in time, without a word about the inside, and holds no event loop', async () => {
      const statuses = new Map<number, number>();
      for (const route of routes) {
        await fc.assert(
          fc.asyncProperty(requestsOf(route), fc.nat(), async ({ path, body }, at) => {
            const callers = callersOf(route);
            const caller = callers[at % callers.length]!;
            watchdog.take();
            const late = AbortSignal.timeout(ANSWER_MS);
            const answer = await Promise.race([
              caller.call(route.method, path, body),
              new Promise<never>((_, reject) => {
                late.addEventListener('abort', () => reject(new Error(`no answer: ${route.method} ${path}`)));
              }),
            ]);
            statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
            const loop = watchdog.take();
            const told = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
            const place = `${route.method} ${path} ${JSON.stringify(body)}`.slice(0, 500);
            if (answer.status >= 500 && !isOutside(answer.status, path))
              throw new Error(`${answer.status} for ${place}: ${told.slice(0, 300)}`);
            checkLoop(loop, place);
            const leak = route.path.startsWith('/docs') ? null : leaks.exec(told);
            if (leak) throw new Error(`"${leak[0]}" for ${place}`);
          }),
          { numRuns: RUNS, seed: 20_261_120, endOnFailure: true },
        );
      }
      expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).to.equal(routes.length * RUNS);
      expect([...statuses.keys()]).to.include.members([200, 400, 401, 404]);
    });

    /** Texts that a WebSocket may be sent: values of its messages, these cut off, and others. */
    function framesOf({ messages }: Channel): fc.Arbitrary<string> {
      const payloads = Object.entries(messages).filter(([name]) => name.startsWith('receive_'));
      const whole = fc.oneof(...payloads.map(([, { payload }]) => almostValuesOf(payload).map(textOf)));
      const cut = fc.tuple(whole, fc.nat(100)).map(([text, length]) => text.slice(0, length));
      return fc.oneof({ weight: 4, arbitrary: whole }, cut, anyText);
    }

    it('is taken by each WebSocket, in time, without a word about the inside, and holds no event loop', async () => {
      for (const channel of Object.values(channels)) {
        const query = new URLSearchParams({ id: await createThings(ada, root).session() });
        const { required = [] } = channel.bindings.ws.query;
        expect([...query.keys()]).to.include.members(required);
        const socket = new WebSocket(
          `${server.url.replace('http', 'ws')}${channel.address}?${query.toString()}`,
          {
            headers: { authorization: `Bearer ${ada.token}` },
          },
        );
        const told: string[] = [];
        const outcomes = new Set<string>();
        socket.on('message', (data: Buffer) => {
          told.push(data.toString());
          outcomes.add(data.includes('"type":"error"') ? 'refused' : 'taken');
        });
        await once(socket, 'open');
        await fc.assert(
          fc.asyncProperty(framesOf(channel), fc.boolean(), async (frame, binary) => {
            watchdog.take();
            socket.send(frame, { binary: binary && frame.length % 8 === 0 });
            socket.ping();
            await once(socket, 'pong', { signal: AbortSignal.timeout(ANSWER_MS) });
            const place = `${channel.address} ${JSON.stringify(frame)}`.slice(0, 500);
            checkLoop(watchdog.take(), place);
            const leak = told
              .splice(0)
              .map((text) => (text.includes('"code":"internal"') ? [text] : leaks.exec(text)))
              .find((found) => found !== null);
            if (leak) throw new Error(`"${leak[0]}" for ${place}`);
          }),
          { numRuns: FRAMES, seed: 20_261_129, endOnFailure: true },
        );
        expect([socket.readyState, [...outcomes].toSorted()]).to.deep.equal([
          WebSocket.OPEN,
          ['refused', 'taken'],
        ]);
        socket.terminate();
      }
    });

    it('leaves the server as it was', async () => {
      const thread = await ada.openai.beta.threads.create({});
      expect((await ada.openai.beta.threads.retrieve(thread.id)).id).to.equal(thread.id);
    });
  });
}

/** A text in a path; a lone surrogate has no UTF-8. */
function encode(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Cs}/gu, '?'));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
