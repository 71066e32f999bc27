import { expect } from 'chai';
import OpenAI from 'openai';
import { TextPieces } from '../../../lib/dialects/openai/text-pieces.ts';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate } from '../../support/world.ts';

type Event = OpenAI.Responses.ResponseStreamEvent;

describe('the stream of a response', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  const start = (body: object = {}) =>
    client.responses.create({ model: 'm', input: 'Light!', ...world.devices, ...body, stream: true });
  async function collect(stream: AsyncIterable<Event>): Promise<Event[]> {
    const events: Event[] = [];
    for await (const event of stream) events.push(event);
    return events;
  }
  const resume = async (id: string, after?: number) =>
    collect(
      await client.responses.retrieve(id, {
        stream: true,
        ...(after !== undefined && { starting_after: after }),
      }),
    );
  const idOf = ([created]: Event[]): string => (created as OpenAI.Responses.ResponseCreatedEvent).response.id;

  const message = (count: number) => [
    'response.output_item.added',
    'response.content_part.added',
    ...Array.from({ length: count }, () => 'response.output_text.delta'),
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
  ];

  it('has the documented events in their order, numbered, and ends with the whole response', async () => {
    world.steps.push(setLamp(true, 'Please wait.'), { text: 'The lamp is on.' });
    const events = await collect(await start());
    expect(events.map(({ type }) => type)).to.deep.equal([
      'response.created',
      'response.in_progress',
      ...message(2),
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.output_item.done',
      ...message(4),
      'response.completed',
    ]);
    expect(events.map((event) => event.sequence_number)).to.deep.equal(events.map((_, index) => index));
    const { response } = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent;
    expect(response).to.deep.equal((await world.ada.call('GET', `/v1/responses/${response.id}`)).body);
    const done = events.filter((event) => event.type === 'response.output_item.done');
    expect(done.map(({ item }) => item)).to.deep.equal(response.output);
    const texts = events.filter((event) => event.type === 'response.output_text.delta');
    expect(texts.map(({ delta }) => delta)).to.deep.equal([
      'Please',
      ' wait.',
      'The',
      ' lamp',
      ' is',
      ' on.',
    ]);
  });

  it('shows a call as mcp_call to clients that would run a function_call themselves', async () => {
    world.steps.push(setLamp(true), { text: 'On.' });
    const headers = { 'user-agent': 'ai-sdk/openai/3.0.0 runtime/node.js' };
    const stream = await client.responses.create(
      { model: 'm', input: 'Light!', ...world.devices, stream: true },
      { headers },
    );
    const events = await collect(stream);
    expect(events.map(({ type }) => type)).to.deep.equal([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.mcp_call.in_progress',
      'response.mcp_call_arguments.delta',
      'response.mcp_call_arguments.done',
      'response.mcp_call.completed',
      'response.output_item.done',
      ...message(1),
      'response.completed',
    ]);
    const { response } = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent;
    expect(response.output[0]).to.deep.equal({
      id: response.output[0]!.id,
      type: 'mcp_call',
      status: 'completed',
      server_label: 'devices',
      name: 'set_lamp',
      arguments: '{"on":true}',
      output: '{"statusCode":200,"body":"{}"}',
      error: null,
      approval_request_id: null,
    });
  });

  it('is the same for everybody who follows, during the response and after it, from any event on', async () => {
    const before = world.writes();
    const held = gate();
    world.lamp.answer = (response) => void held.opened.then(() => response.end('{}'));
    world.steps.push(setLamp(true, '你好世界你好世界你好世界你好,  and   more'), {
      text: 'The lamp is on, dear Ada.',
    });
    const first = collect(await start());
    await waitFor(() => world.writes() === before + 1);
    held.open();
    const events = await first;
    const id = idOf(events);
    expect(await resume(id)).to.deep.equal(events);
    for (let number = 0; number < events.length; number += 1)
      expect(await resume(id, number)).to.deep.equal(events.slice(Math.min(number + 1, events.length - 1)));
  });

  it('goes on when its client leaves, and two others who come in the middle see all of it', async () => {
    const before = world.writes();
    const held = gate();
    world.lamp.answer = (response) => void held.opened.then(() => response.end('{}'));
    world.steps.push(setLamp(true, 'Please wait.'), { text: 'The lamp is on.' });
    const stream = await start({ background: true });
    const seen: Event[] = [];
    for await (const event of stream) {
      seen.push(event);
      if (event.type === 'response.output_text.done') break; // the client leaves
    }
    await waitFor(() => world.writes() === before + 1);
    const id = idOf(seen);
    const others = [resume(id), resume(id, seen.at(-1)!.sequence_number)] as const;
    held.open();
    const [whole, rest] = await Promise.all(others);
    expect([...seen, ...rest]).to.deep.equal(whole);
    expect(seen.map(({ type }) => type)).to.include('response.queued');
    expect(whole.at(-1)!.type).to.equal('response.completed');
    expect(world.writes()).to.equal(before + 1);
  });

  it('brings partial text while the model speaks', async () => {
    const held = gate();
    const chunk = (content: string) =>
      `data: ${JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, delta: { content } }] })}\n\n`;
    world.steps.push({
      async answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(chunk('One two th'));
        await held.opened;
        response.write(chunk('ree.'));
        response.end(`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`);
      },
    });
    const pieces: string[] = [];
    for await (const event of await start()) {
      if (event.type !== 'response.output_text.delta') continue;
      pieces.push(event.delta);
      if (pieces.length === 2) held.open();
    }
    expect(pieces).to.deep.equal(['One', ' two', ' three.']);
  });

  it('cuts a long text into longer pieces, the same ones however it arrives', () => {
    const text = 'and so on, '.repeat(2000);
    const whole = new TextPieces().end(text);
    expect(whole.join('')).to.equal(text);
    expect(whole).to.have.length.below(8192 / 3 + text.length / 128);
    expect(whole.at(-2)).to.have.length(128);
    const pieces = new TextPieces();
    const some = Array.from({ length: 2000 }, () => pieces.push('and so on, ')).flat();
    expect([...some, ...pieces.end(text)]).to.deep.equal(whole);
  });

  it('cuts a text into the same pieces, however it arrives', () => {
    const text = 'A word,  a verylongwordwithoutanend 你好😀😀😀😀😀😀😀😀😀😀😀😀😀 \n\n end ';
    const whole = new TextPieces().end(text);
    expect(whole.join('')).to.equal(text);
    for (let size = 1; size < 9; size += 1) {
      const pieces = new TextPieces();
      const some: string[] = [];
      for (let at = 0; at < text.length; at += size) some.push(...pieces.push(text.slice(at, at + size)));
      expect([...some, ...pieces.end(text)]).to.deep.equal(whole);
    }
  });
});
