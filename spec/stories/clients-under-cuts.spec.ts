import { createOpenAI } from '@ai-sdk/openai';
import { Agent, OpenAIProvider, Runner, setTracingDisabled } from '@openai/agents';
import { generateText } from 'ai';
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { Context } from 'mocha';
import OpenAI6 from 'openai';
import { startCrashDevice, type CrashDevice } from '../support/crash-device.ts';
import { sentenceOf, startCrashModel, type CrashModel } from '../support/crash-model.ts';
import { randomDrops, startDroppingProxy, type DroppingProxy } from '../support/dropping-proxy.ts';
import { importOpenAI7 } from '../support/openai-7.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';
import { waitFor } from '../support/wait-for.ts';

/** Of a hundred requests, so many are broken off in each of the three ways. */
const CUT_PERCENT = 12;
const TALKS = 3;

/** Says a sentence in a conversation, and goes on until it has the answer. */
type Say = (conversation: string, sentence: string) => Promise<string>;

describe('the OpenAI clients of today, whose connections are cut at random', function () {
  this.timeout(120_000);
  let model: CrashModel;
  let device: CrashDevice;
  let server: ThreadServer;
  let ada: Caller;
  let proxy: DroppingProxy;
  before(async () => {
    setTracingDisabled(true);
    model = await startCrashModel(() => 0);
    device = await startCrashDevice(() => 0);
    server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'none' });
    ada = await server.caller('ada');
  });
  afterEach(() => proxy?.close());
  after(async () => {
    await server.close();
    await Promise.all([model.close(), device.close()]);
  });

  /** Lets a client talk; each sentence has one answer in the conversation, and each write reached the device once. */
  async function talk(seed: number, clientOf: (url: string) => Say, turns = 4): Promise<void> {
    proxy = await startDroppingProxy(
      server.url,
      randomDrops(seed, CUT_PERCENT, ['request', 'middle', 'answer']),
    );
    const client = clientOf(`${proxy.url}/v1`);
    // The clients repeat a request without an answer. An answer that is cut in its middle is an error for the program.
    const say: Say = (conversation, sentence) =>
      client(conversation, sentence).catch((error: unknown) => answerIn(conversation, sentence, error));
    await Promise.all(
      Array.from({ length: TALKS }, async () => {
        const body = { openSpecList: [{ openSpec: JSON.stringify(device.document) }] };
        const { id } = (await ada.call('POST', '/v1/conversations', body)).body as { id: string };
        const tasks = Array.from({ length: turns }, () => randomUUID());
        const said: string[] = [];
        for (const taskId of tasks) said.push(await say(id, sentenceOf(taskId, 1, 1)));
        expect(said).to.deep.equal(tasks.map((taskId) => `done ${taskId}`));
        expect(tasks.map((taskId) => device.writes.get(`${taskId}.0.w0`)?.length)).to.deep.equal(
          tasks.map(() => 1),
        );
        const texts: string[] = [];
        for await (const item of ada.openai.conversations.items.list(id, { order: 'asc' }))
          if (item.type === 'message') texts.push(textOf(item as OpenAI6.Responses.ResponseOutputMessage));
        expect(texts).to.deep.equal(tasks.flatMap((taskId) => [sentenceOf(taskId, 1, 1), `done ${taskId}`]));
      }),
    );
    expect(proxy.drops).to.be.at.least(turns - 1);
  }

  const textOf = ({ content }: OpenAI6.Responses.ResponseOutputMessage): string =>
    content.map((part) => ('text' in part ? part.text : '')).join('');
  const account = (baseURL: string) => ({ baseURL, apiKey: ada.token, maxRetries: 8 });

  /** Follows a stream, and resumes it after the last event that came, until its end has come. Rejects when not one event has come. */
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

  /** The answer to a sentence that is in a conversation. */
  async function answerIn(conversation: string, sentence: string, cause: unknown): Promise<string> {
    let answer: string | undefined;
    await waitFor(async () => {
      const { data } = await ada.openai.conversations.items.list(conversation, { limit: 6 });
      const from = data.findIndex((item) => item.type === 'message' && textOf(item as never) === sentence);
      if (from < 0) throw new Error('The sentence is not in the conversation.', { cause });
      const [first] = data;
      if (from > 0 && first?.type === 'message' && first.status === 'completed')
        answer = textOf(first as never);
      return answer !== undefined;
    });
    return answer!;
  }

  for (const version of [6, 7] as const) {
    const load = (context: Context) => (version === 6 ? Promise.resolve(OpenAI6) : importOpenAI7(context));

    it(`openai ${version} moves a device once for each sentence, and has each answer`, async function () {
      const OpenAI = await load(this);
      await talk(version, (url) => {
        const client = new OpenAI(account(url));
        return async (conversation, input) =>
          (await client.responses.create({ model: 'm', conversation, input })).output_text;
      });
    });

    it(`openai ${version} resumes its streams, each time after the last event that came`, async function () {
      const OpenAI = await load(this);
      await talk(version + 20, (url) => {
        const client = new OpenAI(account(url));
        return (conversation, input) => follow(client, conversation, input);
      });
    });
  }

  it('@openai/agents moves a device once for each sentence', () =>
    talk(31, (url) => {
      const openAIClient = new OpenAI6(account(url)) as never;
      const modelProvider = new OpenAIProvider({ openAIClient, useResponses: true });
      const runner = new Runner({ modelProvider, tracingDisabled: true });
      const agent = new Agent({ name: 'Home', model: 'm' });
      return async (conversationId, sentence) =>
        (await runner.run(agent, sentence, { conversationId })).finalOutput ?? '';
    }));

  it('ai moves a device once for each sentence, under an Idempotency-Key: its retries have no mark of their own', () => {
    const clientOf = (url: string): Say => {
      const openai = createOpenAI({ baseURL: url, apiKey: ada.token });
      return async (conversation, prompt) => {
        const headers = { 'idempotency-key': randomUUID() };
        const providerOptions = { openai: { conversation } };
        const made = await generateText({
          model: openai('m'),
          prompt,
          headers,
          providerOptions,
          maxRetries: 5,
        });
        return made.text;
      };
    };
    return talk(1009, clientOf, 2); // it waits for two seconds and more before each retry
  });
});
