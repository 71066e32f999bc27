import { expect } from 'chai';
import type OpenAI from 'openai';
import { openLampWorld, type LampWorld } from '../../support/lamp-world.ts';

describe('an answer that its limit of tokens cut', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  const cut = { text: 'The lamp', finish: 'length' } as const;
  const shown = 'The lamp\n[cut off at maxTokens]';

  it('makes an incomplete response, whole and as events', async () => {
    world.steps.push(cut, cut);
    const request = { model: 'm', input: 'Light?', max_output_tokens: 2, ...world.devices };
    const made = await client.responses.create(request);
    const { status, incomplete_details: why, error, output } = made;
    expect({ status, why, error }).to.deep.equal({
      status: 'incomplete',
      why: { reason: 'max_output_tokens' },
      error: null,
    });
    expect(output.map((item) => 'status' in item && item.status)).to.deep.equal(['incomplete']);
    const types: string[] = [];
    let last: OpenAI.Responses.ResponseStreamEvent | undefined;
    for await (const event of await client.responses.create({ ...request, stream: true })) {
      types.push(event.type);
      last = event;
    }
    expect(types.at(-1)).to.equal('response.incomplete');
    const { response } = last as OpenAI.Responses.ResponseIncompleteEvent;
    expect([response.status, response.incomplete_details]).to.deep.equal([
      'incomplete',
      { reason: 'max_output_tokens' },
    ]);
    expect(response.output_text ?? made.output_text).to.equal(shown);
  });

  it('makes an incomplete run and an incomplete message', async () => {
    world.steps.push(cut, cut);
    const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Light?' }] });
    const body = { assistant_id: 'default', max_completion_tokens: 2 };
    const run = await client.beta.threads.runs.createAndPoll(thread.id, body, { pollIntervalMs: 10 });
    expect([run.status, run.incomplete_details]).to.deep.equal([
      'incomplete',
      { reason: 'max_completion_tokens' },
    ]);
    const types: string[] = [];
    for await (const { event } of client.beta.threads.runs.stream(thread.id, body)) types.push(event);
    expect(types.slice(-3)).to.deep.equal([
      'thread.message.incomplete',
      'thread.run.step.completed',
      'thread.run.incomplete',
    ]);
    const { data } = await client.beta.threads.messages.list(thread.id);
    expect(
      data
        .filter(({ role }) => role === 'assistant')
        .map(({ status, incomplete_details: why }) => [status, why]),
    ).to.deep.equal([
      ['incomplete', { reason: 'max_tokens' }],
      ['incomplete', { reason: 'max_tokens' }],
    ]);
  });
});
