import { expect } from 'chai';
import { openLampWorld, type LampWorld } from '../../support/lamp-world.ts';
import type { Caller } from '../../support/threads.ts';

type Fields = Record<string, unknown>;

/** The documented defaults of OpenAI's requests: a client that spells them out asks for nothing. Null counts as a field left out. */
const RESPONSE: Fields = {
  background: false,
  context_management: null,
  include: [],
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  moderation: null,
  parallel_tool_calls: true,
  prompt: null,
  prompt_cache_retention: 'in_memory',
  reasoning: { effort: 'medium', summary: null },
  safety_identifier: null,
  service_tier: 'auto',
  store: true,
  stream: false,
  stream_options: null,
  temperature: 1,
  text: { format: { type: 'text' }, verbosity: 'medium' },
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
};
const RUN: Fields = {
  additional_instructions: null,
  additional_messages: [],
  max_completion_tokens: null,
  max_prompt_tokens: null,
  metadata: {},
  parallel_tool_calls: true,
  reasoning_effort: 'medium',
  response_format: 'auto',
  stream: false,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_p: 1,
  truncation_strategy: { type: 'auto', last_messages: null },
};
const COMPLETION: Fields = {
  audio: null,
  frequency_penalty: 0,
  function_call: 'none',
  functions: [],
  logit_bias: null,
  logprobs: false,
  max_completion_tokens: null,
  metadata: {},
  modalities: ['text'],
  n: 1,
  parallel_tool_calls: true,
  prediction: null,
  presence_penalty: 0,
  reasoning_effort: 'medium',
  response_format: { type: 'text' },
  seed: null,
  service_tier: 'auto',
  stop: null,
  store: false,
  stream: false,
  stream_options: null,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  verbosity: 'medium',
  web_search_options: null,
};

describe("the documented defaults of OpenAI's requests", () => {
  let world: LampWorld;
  let ada: Caller;
  before(async () => {
    world = await openLampWorld();
    ({ ada } = world);
  });
  after(() => world.close());

  /** Sends one field at a time, then all. The result of `send` is the field as the answer shows it. */
  async function tryEach(defaults: Fields, send: (fields: Fields) => Promise<Fields>): Promise<void> {
    const plain = await send({});
    const shown: Fields = {};
    for (const [name, value] of Object.entries(defaults)) {
      const answer = await send({ [name]: value });
      shown[name] = name in answer ? answer[name] : plain[name];
    }
    const together = await send(defaults);
    for (const name of Object.keys(defaults)) expect(together[name], name).to.deep.equal(shown[name]);
  }
  async function ok(method: string, path: string, body?: object): Promise<Fields> {
    const answer = await ada.call(method, path, body);
    expect([answer.status, answer.body], `${path} ${JSON.stringify(body)}`).to.have.property('0', 200);
    return answer.body as Fields;
  }

  it('are taken by responses, with and without devices, and shown as they hold here', async () => {
    for (const devices of [{}, world.devices])
      await tryEach(RESPONSE, (fields) => {
        world.steps.push({ text: 'Hello.' });
        return ok('POST', '/v1/responses', { model: 'm', input: 'Hi', ...devices, ...fields });
      });
    world.steps.push({ text: 'Hello.' });
    const whole = await ok('POST', '/v1/responses', { model: 'm', input: 'Hi', ...RESPONSE });
    const { truncation, service_tier: tier, temperature, top_p: topP, text, reasoning } = whole;
    expect({ truncation, tier, temperature, topP, text, reasoning }).to.deep.equal({
      truncation: 'auto', // the oldest turns leave, also where a client asks for an error
      tier: 'auto',
      temperature: 1,
      topP: 1,
      text: RESPONSE['text'],
      reasoning: { effort: 'medium', mode: 'standard', summary: null },
    });
  });

  it('are taken by runs, in a thread and with a new one', async () => {
    const thread = await ok('POST', '/v1/threads', {});
    for (const path of [`/v1/threads/${String(thread['id'])}/runs`, '/v1/threads/runs'])
      await tryEach(path === '/v1/threads/runs' ? { ...RUN, additional_messages: null } : RUN, (fields) => {
        world.steps.push({ text: 'Hello.' });
        return ok('POST', path, { assistant_id: 'default', ...fields });
      });
  });

  it('are taken by chat completions, of the model and with devices', async () => {
    for (const devices of [{}, world.devices])
      await tryEach(COMPLETION, (fields) => {
        world.steps.push({ text: 'Hello.' });
        return ok('POST', '/v1/chat/completions', {
          model: 'm',
          messages: [{ role: 'user', content: 'Hi' }],
          ...devices,
          ...fields,
        });
      });
  });

  it('are taken by threads, messages, conversations and lists', async () => {
    const thread = await ok('POST', '/v1/threads', { messages: [], metadata: null, tool_resources: null });
    await ok('POST', '/v1/threads', { messages: [], metadata: {}, tool_resources: {} });
    const at = `/v1/threads/${String(thread['id'])}`;
    await ok('POST', at, { metadata: {}, tool_resources: null });
    for (const fields of [
      { attachments: null, metadata: null },
      { attachments: [], metadata: {} },
    ])
      await ok('POST', `${at}/messages`, { role: 'user', content: 'Hi', ...fields });
    const conversation = await ok('POST', '/v1/conversations', { items: [], metadata: {} });
    await ok('POST', '/v1/conversations', { items: null, metadata: null });
    for (const path of [
      `${at}/messages`,
      `${at}/runs`,
      `/v1/conversations/${String(conversation['id'])}/items`,
      '/v1/chat/completions',
      '/v1/assistants',
      '/v1/files',
    ])
      await ok('GET', `${path}?limit=20&order=desc`);
  });
});
