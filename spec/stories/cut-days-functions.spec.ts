import { randomUUID } from 'node:crypto';
import OpenAI from 'openai';
import {
  cutSeed,
  isBroken,
  liveUnderCuts,
  openCutWorld,
  untilWhole,
  type CutClient,
  type CutWorld,
} from '../support/cut-days.ts';
import { needOpenAiPython, runOpenAiPython } from '../support/openai-python.ts';
import { waitFor } from '../support/wait-for.ts';

/** The clients repeat a request so often by themselves. */
const RETRIES = 20;
/** A client that polls breaks many connections, and waits longer after each. */
const SHORT = { turns: 2 };
const parameters = { type: 'object', properties: {} };

const textOf = ({ content }: { content: readonly object[] | null }): string =>
  (content ?? []).map((part) => ('text' in part ? String(part.text) : '')).join('');

describe(`a day of OpenAI's clients with functions of their own, in the background and in threads (SEED=${cutSeed})`, function () {
  this.timeout(60_000);
  let world: CutWorld;
  before(async () => {
    world = await openCutWorld();
  });
  after(() => world.close());

  const clientAt = (url: string): OpenAI =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: world.ada.token, maxRetries: RETRIES });
  /** The device without its reads: those are a function of the client. */
  const writesOnly = () => ({
    openSpecList: world.devices.openSpecList.map((entry) => ({ ...entry, exclude: { methods: ['get'] } })),
  });
  const ignoreCut = (error: unknown): undefined => {
    if (!isBroken(error)) throw error;
  };

  async function newConversation(devices: object): Promise<string> {
    return ((await world.ada.call('POST', '/v1/conversations', devices)).body as { id: string }).id;
  }

  /** The messages of a conversation. */
  const shownIn = (client: OpenAI, conversation: string): Promise<string[]> =>
    untilWhole(async () => {
      const texts: string[] = [];
      for await (const item of client.conversations.items.list(conversation, { order: 'asc' }))
        if (item.type === 'message') texts.push(textOf(item));
      return texts;
    });

  it('openai: responses with a function of the client beside a device, whose answers are looked up after a cut', () =>
    liveUnderCuts(
      world,
      async (url): Promise<CutClient> => {
        const client = clientAt(url);
        const conversation = await newConversation(writesOnly());
        const tools = [{ type: 'function' as const, name: 'read', parameters, strict: false }];
        /** The newest answer, or the newest call that waits for its output; undefined while the device works. */
        const newest = async (): Promise<{ answer?: string; callId?: string } | undefined> => {
          const { data } = await untilWhole(() =>
            client.conversations.items.list(conversation, { limit: 10 }),
          );
          const [last] = data;
          if (last?.type === 'message' && last.role === 'assistant' && last.status === 'completed')
            return { answer: textOf(last) };
          const given = new Set(
            data.map((item) => (item.type === 'function_call_output' ? item.call_id : undefined)),
          );
          const open = data.find((item) => item.type === 'function_call' && !given.has(item.call_id));
          return open?.type === 'function_call' && open.name === 'read'
            ? { callId: open.call_id }
            : undefined;
        };
        return {
          async say(sentence) {
            let input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: sentence }];
            for (;;) {
              await client.responses.create({ model: 'm', conversation, input, tools }).catch(ignoreCut);
              let found = await newest();
              await waitFor(async () => (found ??= await newest()) !== undefined);
              if (found?.answer !== undefined) return found.answer;
              input = [{ type: 'function_call_output', call_id: found!.callId!, output: '{"value":7}' }];
            }
          },
          shown: () => shownIn(client, conversation),
        };
      },
      SHORT,
    ));

  it('openai: runs with a function of the client beside a device, polled', () =>
    liveUnderCuts(
      world,
      async (url): Promise<CutClient> => {
        const client = clientAt(url);
        const { id: thread } = (await world.ada.call('POST', '/v1/threads', writesOnly())).body as {
          id: string;
        };
        const { messages, runs } = client.beta.threads;
        const tools = [{ type: 'function' as const, function: { name: 'read', parameters } }];
        const shown = (query: { run_id?: string } = {}): Promise<string[]> =>
          untilWhole(async () => {
            const texts: string[] = [];
            for await (const { content } of messages.list(thread, { ...query, order: 'asc' }))
              texts.push(content.map((part) => (part.type === 'text' ? part.text.value : '')).join(''));
            return texts;
          });
        return {
          async say(content) {
            const said = { role: 'user', content } as const;
            const asked = { assistant_id: 'default', additional_messages: [said], tools };
            const begun = await runs.create(thread, asked).catch(ignoreCut);
            const id = begun?.id ?? (await untilWhole(() => runs.list(thread, { limit: 1 }))).data[0]!.id;
            await waitFor(async () => {
              const run = await untilWhole(() => runs.retrieve(id, { thread_id: thread }));
              const calls = run.required_action?.submit_tool_outputs.tool_calls ?? [];
              const outputs = calls.map((call) => ({ tool_call_id: call.id, output: '{"value":7}' }));
              if (run.status === 'requires_action')
                await runs
                  .submitToolOutputs(id, { thread_id: thread, tool_outputs: outputs })
                  .catch(ignoreCut);
              return run.status === 'completed';
            });
            return (await shown({ run_id: id })).at(-1) ?? '';
          },
          shown: () => shown(),
        };
      },
      SHORT,
    ));

  it('openai: responses in the background, polled', () =>
    liveUnderCuts(
      world,
      async (url): Promise<CutClient> => {
        const client = clientAt(url);
        const conversation = await newConversation(world.devices);
        return {
          async say(input) {
            const key = { headers: { 'idempotency-key': randomUUID() } };
            const asked = { model: 'm', conversation, input, background: true };
            const { id } = await untilWhole(() => client.responses.create(asked, key));
            let text = '';
            await waitFor(async () => {
              const response = await untilWhole(() => client.responses.retrieve(id));
              text = response.output_text;
              return response.status === 'completed';
            });
            return text;
          },
          shown: () => shownIn(client, conversation),
        };
      },
      SHORT,
    ));

  it('openai: messages of a thread with run=true, whose answers are listed', () =>
    liveUnderCuts(
      world,
      async (url): Promise<CutClient> => {
        const client = clientAt(url);
        const { id: thread } = (await world.ada.call('POST', '/v1/threads', world.devices)).body as {
          id: string;
        };
        const { messages } = client.beta.threads;
        const all = () =>
          untilWhole(async () => (await messages.list(thread, { order: 'asc', limit: 100 })).data);
        const textIn = ({ content }: OpenAI.Beta.Threads.Message): string =>
          content.map((part) => (part.type === 'text' ? part.text.value : '')).join('');
        return {
          async say(content) {
            const key = { query: { run: true }, headers: { 'idempotency-key': randomUUID() } };
            const said = await untilWhole(() => messages.create(thread, { role: 'user', content }, key));
            let answer = '';
            await waitFor(async () => {
              const found = (await all()).find(
                (one) => one.run_id === said.run_id && one.role === 'assistant' && one.status === 'completed',
              );
              answer = found ? textIn(found) : '';
              return found !== undefined;
            });
            return answer;
          },
          shown: async () => (await all()).map(textIn),
        };
      },
      SHORT,
    ));
});

describe(`a day of OpenAI's client for Python, whose connections break at random (SEED=${cutSeed})`, function () {
  this.timeout(60_000);
  let world: CutWorld | undefined;
  before(async function () {
    needOpenAiPython(this); // it holds this process for seconds, so that the server comes after it
    world = await openCutWorld();
  });
  after(() => world?.close());

  it('responses, which it repeats by itself', async () => {
    const { ada, devices } = world!;
    await liveUnderCuts(
      world!,
      async (url): Promise<CutClient> => {
        const made = await ada.call('POST', '/v1/conversations', devices);
        const { id: conversation } = made.body as { id: string };
        const account = { baseUrl: `${url}/v1`, token: ada.token, conversation };
        return {
          say: async (input) => (await runOpenAiPython('say', { ...account, input })) as string,
          async shown() {
            const { data } = await ada.openai.conversations.items.list(conversation, { order: 'asc' });
            return data.flatMap((item) => (item.type === 'message' ? [textOf(item)] : []));
          },
        };
      },
      { talks: 1, turns: 1 },
    );
  });
});
