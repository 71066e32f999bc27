import { createOpenAI } from '@ai-sdk/openai';
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool as agentTool } from '@openai/agents';
import { generateText, stepCountIs, streamText, tool } from 'ai';
import { expect } from 'chai';
import OpenAI6 from 'openai';
import { z } from 'zod';
import { importOpenAI7 } from '../support/openai-7.ts';
import { openLampWorld, setLamp, type LampWorld } from '../support/lamp-world.ts';

describe('the OpenAI clients of today set a device', () => {
  let world: LampWorld;
  let conversation: string;
  let writes: number;
  before(async () => {
    setTracingDisabled(true);
    world = await openLampWorld();
  });
  beforeEach(async () => {
    const made = await world.ada.call('POST', '/v1/conversations', world.devices);
    conversation = (made.body as { id: string }).id;
    writes = world.writes();
  });
  after(() => world.close());

  const account = () => ({ baseURL: `${world.server.url}/v1`, apiKey: world.ada.token });
  const turnOn = (text = 'It is on.') => world.steps.push(setLamp(true), { text });
  const askTime = { calls: [{ name: 'get_time', arguments: {} }] };

  for (const [version, load] of [
    ['6', () => Promise.resolve(OpenAI6)],
    ['7', importOpenAI7],
  ] as const)
    it(`openai ${version}: whole, streamed, and with a helper that waits for the end`, async function () {
      const Client = await load(this);
      const client = new Client(account());
      turnOn();
      const whole = await client.responses.create({ model: 'm', conversation, input: 'Light!' });
      expect(whole.output_text).to.equal('It is on.');
      turnOn();
      const stream = client.responses.stream({ model: 'm', conversation, input: 'Light!' });
      const last = await stream.finalResponse();
      expect(last.output_text).to.equal('It is on.');
      expect(world.writes()).to.equal(writes + 2);
    });

  it('ai with @ai-sdk/openai: the default, streamed, with a function of its own', async () => {
    const openai = createOpenAI(account());
    const providerOptions = { openai: { conversation } };
    turnOn();
    const whole = await generateText({ model: openai('m'), prompt: 'Light!', providerOptions });
    expect(whole.text).to.equal('It is on.');
    expect(whole.finishReason).to.equal('stop');
    turnOn();
    const stream = streamText({ model: openai('m'), prompt: 'Light!', providerOptions });
    expect(await stream.text).to.equal('It is on.');
    world.steps.push(askTime, setLamp(true), { text: 'It is on since seven.' });
    const asked: string[] = [];
    const stepped = await generateText({
      model: openai('m'),
      prompt: 'Light at seven!',
      tools: {
        get_time: tool({
          inputSchema: z.object({}),
          execute: async () => {
            asked.push('time');
            return { hour: 7 };
          },
        }),
      },
      stopWhen: stepCountIs(5),
    });
    expect([asked, stepped.text]).to.deep.equal([['time'], 'It is on since seven.']);
    expect(world.writes()).to.equal(writes + 2);
  });

  it('ai with @ai-sdk/openai: .chat() asks the model alone', async () => {
    const openai = createOpenAI(account());
    world.steps.push({ text: 'Hello.' });
    expect((await generateText({ model: openai.chat('m'), prompt: 'Hello!' })).text).to.equal('Hello.');
  });

  it('@openai/agents: the default, with a function of its own, streamed', async () => {
    const runner = new Runner({
      modelProvider: new OpenAIProvider({ ...account(), useResponses: true }),
      tracingDisabled: true,
    });
    const asked: string[] = [];
    const getTime = agentTool({
      name: 'get_time',
      description: 'the time',
      parameters: z.object({}),
      execute: async () => {
        asked.push('time');
        return 'seven';
      },
    });
    const agent = new Agent({ name: 'Home', instructions: 'Be short.', model: 'm', tools: [getTime] });
    world.steps.push(setLamp(true), askTime, { text: 'It is on since seven.' });
    const whole = await runner.run(agent, 'Light!', { conversationId: conversation });
    expect([asked, whole.finalOutput]).to.deep.equal([['time'], 'It is on since seven.']);
    turnOn();
    const stream = await runner.run(agent, 'Light!', { conversationId: conversation, stream: true });
    await stream.completed;
    expect(stream.finalOutput).to.equal('It is on.');
    // Without a conversation the client sends all items each time.
    world.steps.push(askTime, { text: 'Seven.' }, { text: 'Still seven.' });
    const first = await runner.run(agent, 'The time?');
    expect(first.finalOutput).to.equal('Seven.');
    const second = await runner.run(agent, [...first.history, { role: 'user', content: 'And now?' }]);
    expect(second.finalOutput).to.equal('Still seven.');
    expect(world.writes()).to.equal(writes + 2);
  });
});
