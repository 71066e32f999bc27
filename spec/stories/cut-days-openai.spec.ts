import { createOpenAI } from '@ai-sdk/openai';
import { Agent, OpenAIProvider, Runner, setTracingDisabled } from '@openai/agents';
import { generateText } from 'ai';
import { randomUUID } from 'node:crypto';
import type { Context } from 'mocha';
import OpenAI6 from 'openai';
import {
  cutSeed,
  isBroken,
  liveUnderCuts,
  openCutWorld,
  untilWhole,
  type CutClient,
  type CutWorld,
} from '../support/cut-days.ts';
import { importOpenAI7 } from '../support/openai-7.ts';
import { waitFor } from '../support/wait-for.ts';

/** The clients repeat a request so often by themselves. */
const RETRIES = 20;

describe(`a day of OpenAI's clients, whose connections break at random (SEED=${cutSeed})`, function () {
  this.timeout(60_000);
  let world: CutWorld;
  before(async () => {
    setTracingDisabled(true);
    world = await openCutWorld();
  });
  after(() => world.close());

  const account = (url: string) => ({
    baseURL: `${url}/v1`,
    apiKey: world.ada.token,
    maxRetries: RETRIES,
  });
  const textOf = ({ content }: { content: readonly object[] | null }): string =>
    (content ?? []).map((part) => ('text' in part ? String(part.text) : '')).join('');

  /** Lives a day in a conversation. A client whose answer was cut in its middle finds it there. */
  async function inConversations(
    clientOf: (url: string) => (conversation: string, sentence: string) => Promise<string>,
    turns = 4,
  ): Promise<void> {
    await liveUnderCuts(
      world,
      async (url): Promise<CutClient> => {
        const { id } = (await world.ada.call('POST', '/v1/conversations', world.devices)).body as {
          id: string;
        };
        const say = clientOf(url);
        return {
          say: (sentence) => say(id, sentence).catch((error: unknown) => answerIn(id, sentence, error)),
          async shown() {
            const client = new OpenAI6(account(url));
            return untilWhole(async () => {
              const texts: string[] = [];
              for await (const item of client.conversations.items.list(id, { order: 'asc' }))
                if (item.type === 'message') texts.push(textOf(item));
              return texts;
            });
          },
        };
      },
      { turns },
    );
  }

  /** The answer to a sentence that is in a conversation. */
  async function answerIn(conversation: string, sentence: string, cause: unknown): Promise<string> {
    let answer: string | undefined;
    await waitFor(async () => {
      const { data } = await world.ada.openai.conversations.items.list(conversation, { limit: 6 });
      const from = data.findIndex((item) => item.type === 'message' && textOf(item) === sentence);
      if (from < 0) throw new Error('The sentence is not in the conversation.', { cause });
      const [first] = data;
      if (from > 0 && first?.type === 'message' && first.status === 'completed') answer = textOf(first);
      return answer !== undefined;
    });
    return answer!;
  }

  /** Follows a stream, and resumes it after the last event that came, until its end has come. */
  async function follow(client: OpenAI6, conversation: string, input: string): Promise<string> {
    let id: string | undefined;
    let last = -1;
    for (;;)
      try {
        const stream =
          id === undefined
            ? await client.responses.create({ model: 'm', conversation, input, stream: true })
            : await client.responses.retrieve(id, { stream: true, starting_after: last });
        for await (const event of stream) {
          last = event.sequence_number;
          if (event.type === 'response.created') ({ id } = event.response);
          if (event.type === 'response.completed') return textOf(event.response.output.at(-1) as never);
        }
      } catch (error) {
        if (id === undefined) throw error;
      }
  }

  for (const version of [6, 7] as const) {
    const load = (context: Context) => (version === 6 ? Promise.resolve(OpenAI6) : importOpenAI7(context));

    it(`openai ${version}: responses`, async function () {
      const OpenAI = await load(this);
      await inConversations((url) => {
        const client = new OpenAI(account(url));
        return async (conversation, input) =>
          (await client.responses.create({ model: 'm', conversation, input })).output_text;
      });
    });

    it(`openai ${version}: streams of responses, resumed after the last event that came`, async function () {
      const OpenAI = await load(this);
      await inConversations((url) => {
        const client = new OpenAI(account(url));
        return (conversation, input) => follow(client, conversation, input);
      });
    });
  }

  it('@openai/agents', () =>
    inConversations((url) => {
      const openAIClient = new OpenAI6(account(url)) as never;
      const modelProvider = new OpenAIProvider({ openAIClient, useResponses: true });
      const runner = new Runner({ modelProvider, tracingDisabled: true });
      const agent = new Agent({ name: 'Home', model: 'm' });
      return async (conversationId, sentence) =>
        (await runner.run(agent, sentence, { conversationId })).finalOutput ?? '';
    }));

  it('ai, under an Idempotency-Key: its retries have no mark of their own', () =>
    inConversations((url) => {
      const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: world.ada.token });
      return async (conversation, prompt) => {
        const headers = { 'idempotency-key': randomUUID() };
        const providerOptions = { openai: { conversation } };
        const asked = { model: openai('m'), prompt, headers, providerOptions, maxRetries: 0 };
        // Its own retries wait for two seconds, then for four, and so on.
        return (await untilWhole(() => generateText(asked))).text;
      };
    }));

  /** Begins a run of a thread, and returns its id; undefined when nothing is known of it. */
  type Run = (client: OpenAI6, thread: string, assistant: string) => Promise<string | undefined>;

  /**
   * A thread whose sentences an assistant answers in runs. A client whose answer was cut in its middle looks into the lists of the thread.
   */
  async function openThread(url: string, assistant: string, body: object, run: Run): Promise<CutClient> {
    const client = new OpenAI6(account(url));
    const { id: thread } = (await world.ada.call('POST', '/v1/threads', body)).body as { id: string };
    const { messages, runs } = client.beta.threads;
    let last: string | undefined;
    const runOnce = async (): Promise<string> => {
      for (;;) {
        const begun = await run(client, thread, assistant).catch(ignoreCut);
        const id = begun ?? (await untilWhole(() => runs.list(thread, { limit: 1 }))).data[0]?.id;
        if (id !== undefined && id !== last) return (last = id);
      }
    };
    return {
      async say(content) {
        const added = await messages.create(thread, { role: 'user', content }).catch(ignoreCut);
        if (!added && (await listed(client, thread)).at(-1) !== content)
          await world.ada.openai.beta.threads.messages.create(thread, { role: 'user', content });
        const id = await runOnce();
        await waitFor(async () => {
          const { status } = await untilWhole(() => runs.retrieve(id, { thread_id: thread }));
          return status === 'completed';
        });
        return (await listed(client, thread, { run_id: id }))[0] ?? '';
      },
      shown: () => listed(client, thread),
    };
  }

  const ignoreCut = (error: unknown): undefined => {
    if (!isBroken(error)) throw error;
  };

  const listed = (client: OpenAI6, thread: string, query: { run_id?: string } = {}): Promise<string[]> =>
    untilWhole(async () => {
      const texts: string[] = [];
      for await (const { content } of client.beta.threads.messages.list(thread, { ...query, order: 'asc' }))
        texts.push(content.map((part) => (part.type === 'text' ? part.text.value : '')).join(''));
      return texts;
    });

  it('openai: threads, with runs that are polled', () =>
    liveUnderCuts(world, (url) =>
      openThread(url, 'default', world.devices, async (client, thread, assistant) => {
        const { id } = await client.beta.threads.runs.create(thread, { assistant_id: assistant });
        return id;
      }),
    ));

  it('openai: threads and an assistant, with runs that are streamed, and polled after a cut', async () => {
    const { ada, devices } = world;
    const { body: made } = await ada.call('POST', '/apps', { name: 'Home', icon: 'http://a.example/i.png' });
    const { id: app } = (made as { data: { id: string } }).data;
    const config = { model_config: { dialog_round: 5, ...devices }, memory_mode: 'none' };
    await ada.call('POST', `/apps/${app}/config`, config);
    await liveUnderCuts(world, (url) =>
      openThread(url, app, {}, async (client, thread, assistant) => {
        const stream = await client.beta.threads.runs.create(thread, {
          assistant_id: assistant,
          stream: true,
        });
        let id: string | undefined;
        for await (const { event, data } of stream) if (event === 'thread.run.created') id = data.id;
        return id;
      }),
    );
  });

  /** A client that keeps its conversation itself, and finds its stored completions by their metadata. */
  const openCompletions =
    (stream: boolean) =>
    async (url: string): Promise<CutClient> => {
      const client = new OpenAI6(account(url));
      const messages: OpenAI6.Chat.ChatCompletionMessageParam[] = [];
      const talk = randomUUID();
      const stored = async (query: { turn?: string }): Promise<{ said: string; answer: string }[]> => {
        const found = [];
        const all = client.chat.completions.list({ metadata: { talk, ...query }, order: 'asc' });
        for await (const { id, choices } of all) {
          const asked = await client.chat.completions.messages.list(id, { order: 'desc', limit: 1 });
          found.push({ said: asked.data[0]?.content ?? '', answer: choices[0]?.message.content ?? '' });
        }
        return found;
      };
      return {
        async say(content) {
          messages.push({ role: 'user', content });
          const metadata = { talk, turn: String(messages.length) };
          const asked = { model: 'm', messages, metadata, store: true, ...world.devices };
          let answer = '';
          try {
            if (stream)
              for await (const chunk of await client.chat.completions.create({ ...asked, stream }))
                answer += chunk.choices[0]?.delta.content ?? '';
            else answer = (await client.chat.completions.create(asked)).choices[0]?.message.content ?? '';
          } catch (error) {
            ignoreCut(error);
            const found = (): Promise<{ answer: string }[]> => untilWhole(() => stored(metadata));
            await waitFor(async () => (await found()).length > 0);
            answer = (await found())[0]!.answer;
          }
          messages.push({ role: 'assistant', content: answer });
          return answer;
        },
        shown: async () => (await untilWhole(() => stored({}))).flatMap(({ said, answer }) => [said, answer]),
      };
    };

  it('openai: chat completions with devices', () => liveUnderCuts(world, openCompletions(false)));

  it('openai: streams of chat completions with devices, found as stored completions after a cut', () =>
    liveUnderCuts(world, openCompletions(true)));
});
