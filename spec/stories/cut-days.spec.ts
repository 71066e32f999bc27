import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { AgentMessage } from '../../lib/dialects/liteagent/envelope.ts';
import { isEnd, openCrashClient } from '../support/crash-client.ts';
import {
  cutSeed,
  liveUnderCuts,
  openCutWorld,
  untilWhole,
  type CutClient,
  type CutWorld,
} from '../support/cut-days.ts';
import { randomFrom } from '../support/random-from.ts';

interface Answered {
  status: number;
  body: unknown;
}

describe(`a day of the other clients, whose connections break at random (SEED=${cutSeed})`, function () {
  this.timeout(60_000);
  let world: CutWorld;
  before(async () => {
    world = await openCutWorld();
  });
  after(() => world.close());

  /** Calls of one client over a line. Each call is repeated until its answer has come whole. */
  const callsOf =
    (url: string, token: string) =>
    (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> =>
      untilWhole(async () => {
        const response = await fetch(`${url}${path}`, init(method, token, body, headers));
        const text = await response.text();
        const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
        return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text };
      });
  const init = (
    method: string,
    token: string,
    body: unknown,
    headers: Record<string, string>,
  ): RequestInit => ({
    method,
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  /** The text of a stream up to its end or its break. */
  async function readWhatComes(url: string, path: string, options: RequestInit): Promise<string> {
    let text = '';
    try {
      const response = await fetch(`${url}${path}`, options);
      const decoder = new TextDecoder();
      for await (const chunk of response.body!) text += decoder.decode(chunk as Uint8Array, { stream: true });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    return text;
  }

  it("the LiteAgent family's client: a socket with since, /history, stop and clear", () =>
    liveUnderCuts(world, async (url, talk): Promise<CutClient> => {
      const { body } = await world.server.call('POST', '/api/init', {
        systemPrompt: 'Be brief.',
        ...world.devices,
      });
      const sessionId = (body as { id: string }).id;
      const call = callsOf(url, '');
      const history = async (): Promise<AgentMessage[]> =>
        (await call('GET', `/api/history?id=${sessionId}`)).body as AgentMessage[];
      const client = openCrashClient({
        sessionId,
        urls: () => [url],
        random: randomFrom(cutSeed + talk),
        since: 0,
      });
      const textsOf = (envelopes: readonly AgentMessage[]): string[] =>
        envelopes.flatMap(({ from, to, message }) => {
          if (from === 'agent' && to === 'user') return message as string;
          return from === 'user' ? (message as { message: string }[])[0]!.message : [];
        });
      return {
        async say(sentence) {
          const taskId = randomUUID();
          await client.work(taskId, sentence);
          return textsOf(client.seen.filter((envelope) => envelope.taskId === taskId))[1] ?? '';
        },
        async shown() {
          const all = await history();
          expect(client.seen, 'the socket shows what /history shows').to.deep.equal(
            all.filter(({ from }) => from !== 'system'),
          );
          return textsOf(all);
        },
        async leave() {
          const { length } = client.seen;
          expect((await call('GET', `/api/stop?id=${sessionId}`)).body).to.deep.equal({ id: sessionId });
          await client.until((envelope) => client.seen.indexOf(envelope) >= length && isEnd(envelope));
          expect((await call('GET', `/api/clear?id=${sessionId}`)).body).to.deep.equal({ id: sessionId });
          expect((await history()).map(({ message }) => message)).to.deep.equal(['Be brief.']);
          client.close();
          expect(client.faults).to.deep.equal([]);
        },
      };
    }));

  for (const accept of ['application/json', 'text/event-stream'])
    it(`LLMOps: an app that is asked for ${accept} under an Idempotency-Key`, () =>
      liveUnderCuts(world, async (url): Promise<CutClient> => {
        const { token } = world.ada;
        const call = callsOf(url, token);
        const { body: made } = await world.ada.call('POST', '/apps', {
          name: 'Home',
          icon: 'http://a.example/i.png',
        });
        const app = `/apps/${(made as { data: { id: string } }).data.id}`;
        const config = { model_config: { dialog_round: 3, ...world.devices }, memory_mode: 'none' };
        await world.ada.call('POST', `${app}/config`, config);
        const listed = async (): Promise<{ query: string; answer: string }[]> => {
          const { body } = await call('GET', `${app}/messages`);
          return (body as { data: { list: { query: string; answer: string }[] } }).data.list.toReversed();
        };
        return {
          async say(query) {
            const headers = { accept, 'idempotency-key': randomUUID() };
            const { status, body } = await call('POST', `${app}/debug`, { query }, headers);
            if (status === 200 && typeof body === 'object')
              return (body as { data: { answer: string } }).data.answer;
            if (status === 200) {
              const last = String(body).split('data: ').at(-1)!;
              return (JSON.parse(last) as { data: { answer: string } }).data.answer;
            }
            for (;;) {
              const found = (await listed()).find((message) => message.query === query);
              if (found) return found.answer;
            }
          },
          shown: async () => (await listed()).flatMap(({ query, answer }) => [query, answer]),
        };
      }));

  it('LLMOps: a published app that is asked with a key of the app, under an Idempotency-Key', async () => {
    const { ada, devices, server } = world;
    const { body: made } = await ada.call('POST', '/apps', { name: 'Home', icon: 'http://a.example/i.png' });
    const { id } = (made as { data: { id: string } }).data;
    const config = { model_config: { dialog_round: 5, ...devices }, memory_mode: 'none' };
    await ada.call('POST', `/apps/${id}/config`, config);
    await ada.call('POST', `/apps/${id}/publish`);
    const { key } = await server.accounts.apiKeys.create(ada.user.uuid, { scopes: [`app:${id}`] });
    await liveUnderCuts(world, async (url): Promise<CutClient> => {
      const call = callsOf(url, key);
      let conversation: string | undefined;
      return {
        async say(query) {
          const asked = { query, ...(conversation !== undefined && { conversation_id: conversation }) };
          const headers = { 'idempotency-key': randomUUID() };
          const { body } = await call('POST', `/apps/${id}/chat`, asked, headers);
          const { answer, conversation_id: known } = (body as { data: Record<string, string> }).data;
          conversation = known;
          return answer ?? '';
        },
        async shown() {
          const thread = `thread_${conversation!.replaceAll('-', '')}`;
          const { data } = await ada.openai.beta.threads.messages.list(thread, { order: 'asc' });
          return data.flatMap(({ content }) =>
            content.map((part) => (part.type === 'text' ? part.text.value : '')),
          );
        },
      };
    });
  });

  it('the page of the chat backend: it reads the history after a cut, and asks again with the id of the message', () =>
    liveUnderCuts(
      world,
      async (url): Promise<CutClient> => {
        const name = randomUUID();
        const { body: pair } = await world.server.call('POST', '/api/v1/user/register', {
          email: `${name}@example.com`,
          username: name,
          password: 'correct horse battery',
        });
        const { access_token: token } = pair as { access_token: string };
        const call = callsOf(url, token);
        const direct = world.server.as(token);
        const { body: config } = await direct('POST', '/api/v1/model_config/create', {
          base_url: world.model.baseUrl,
          model_name: 'm',
          api_key: 'sk-0123456789',
        });
        const { config_id: configId } = config as { config_id: number };
        const { body: made } = await direct('POST', '/api/v1/conversation/create', {
          model_config_id: configId,
        });
        const { conversation_id: id } = made as { conversation_id: number };
        interface Stored {
          message_id: number;
          role: string;
          content: string;
        }
        const stored = async (): Promise<Stored[]> =>
          ((await call('GET', `/api/v1/chat/${id}`)).body as { messages: Stored[] }).messages;
        return {
          async say(content) {
            for (;;) {
              const messages = await stored();
              const from = messages.findIndex((one) => one.role === 'user' && one.content === content);
              const known = messages.slice(0, from < 0 ? undefined : from + 1);
              const asked = from < 0 ? [...known, { role: 'user', content }] : known;
              const body = { conversation_id: id, model_config_id: configId, messages: asked };
              const text = await readWhatComes(url, '/api/v1/chat/send', init('POST', token, body, {}));
              const lines = text.split('\n').slice(0, -1);
              const events = lines.map((line) => JSON.parse(line) as { type: string; content?: string });
              if (events.at(-1)?.type === 'complete')
                return events.map((event) => event.content ?? '').join('');
            }
          },
          // An answer that broke off stays: the same words come again, whole, in the next one.
          async shown() {
            const all = await stored();
            const isBroken = ({ role, content }: Stored, next: Stored | undefined): boolean =>
              role === 'assistant' && next?.role === 'assistant' && next.content.startsWith(content);
            return all.filter((one, index) => !isBroken(one, all[index + 1])).map(({ content }) => content);
          },
          async leave() {
            const body = { conversation_id: id, model_config_id: configId, messages: await stored() };
            const titled = await call('POST', '/api/v1/conversation/generate_title', body);
            expect([titled.status, Object.keys(titled.body as object)]).to.deep.equal([
              201,
              ['conversation_id', 'title', 'update_at'],
            ]);
          },
        };
      },
      { writes: 0 },
    ));

  it('AIDeer: tasks with streams that come once, and credits that are paid once', async () => {
    const { server } = world;
    const admin = await server.caller('the admin', 'admin');
    await liveUnderCuts(
      world,
      async (url): Promise<CutClient> => {
        const { token } = await server.caller(`deer ${randomUUID()}`);
        const call = callsOf(url, token);
        const direct = server.as(token);
        const { body: code } = await admin.call('POST', '/api/v1/codes', { value: 100_000 });
        await direct('POST', '/api/v1/users/me/credits', code);
        const parameters = { model: 'mock', max_tokens: 100 };
        const { body: preset } = await direct('POST', '/api/v1/presets', { title: 'A scene', parameters });
        const { body: chat } = await direct('POST', '/api/v1/chats', {
          preset_id: (preset as { id: string }).id,
          title: 'A chat',
        });
        const { id } = chat as { id: string };
        interface Said {
          role: string;
          content: string;
        }
        const messages = async (): Promise<Said[]> =>
          ((await call('GET', `/api/v1/chats/${id}`)).body as { messages: Said[] }).messages;
        const costs: number[] = [];
        /** One task for the chat: the text of its stream, else of its state. */
        async function work(): Promise<string> {
          const key = { 'idempotency-key': randomUUID() };
          const { body } = await call('POST', '/api/v1/tasks', { chat_id: id }, key);
          const { task_id: task } = body as { task_id: string };
          const events = await readWhatComes(
            url,
            `/api/v1/tasks/${task}/stream`,
            init('GET', token, undefined, {}),
          );
          for (;;) {
            const { body: state } = await call('GET', `/api/v1/tasks/${task}`);
            const { status, content, token_cost: cost } = state as Record<string, unknown>;
            if (status !== 'finished' && status !== 'failed') continue;
            costs.push(Number(cost ?? 0));
            return events.includes('event: close') || events === '' ? String(content) : '';
          }
        }
        return {
          async say(content) {
            const before = await messages();
            for (;;) {
              await call('PUT', `/api/v1/chats/${id}`, { messages: [...before, { role: 'user', content }] });
              const answer = await work();
              if (answer.startsWith('done ') && (await messages()).at(-1)?.content === answer) return answer;
            }
          },
          shown: async () => (await messages()).map(({ content }) => content),
          async leave() {
            const { body } = await call('GET', '/api/v1/users/me/credits');
            const { credits_left: left, credit_records: records } = body as {
              credits_left: number;
              credit_records: { type: string; amount: number }[];
            };
            expect(left).to.equal(100_000 - costs.reduce((sum, cost) => sum + cost, 0));
            expect(records.filter(({ type }) => type === 'hold').length).to.equal(costs.length);
          },
        };
      },
      { writes: 0 },
    );
  });
});
