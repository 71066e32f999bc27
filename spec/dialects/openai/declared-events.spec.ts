import { expect } from 'chai';
import { declaredTypeFaults } from '../../support/declared-types.ts';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import type { ModelServerStep } from '../../support/model-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate } from '../../support/world.ts';

/** An event of a stream as it came: its data with the name beside it, where it has one. */
interface StreamEvent {
  event: string | undefined;
  data: Record<string, unknown>;
}

const look = { type: 'object', properties: {} };
const lookCall = (id: string) => ({ name: 'look', arguments: {}, id });

/** Every way in which an answer can go: what the model does, and whether the client asks for a function of its own, or stops it. */
const ways: Record<string, { steps: ModelServerStep[]; own?: true; stops?: true }> = {
  'a text': { steps: [{ text: 'Hello, Ada.' }] },
  'a device, and a text beside the call': { steps: [setLamp(true, 'Please wait.'), { text: 'It is on.' }] },
  'several calls': {
    steps: [
      { calls: [true, false].map((on) => ({ name: 'set_lamp', arguments: { on } })) },
      { text: 'Both are done.' },
    ],
  },
  'a call that cannot be made': {
    steps: [{ calls: [{ name: 'set_lamp', arguments: { on: 'maybe' } }] }, { text: 'No.' }],
  },
  'a function of the client': { steps: [{ calls: [lookCall('a1'), lookCall('a2')] }], own: true },
  'a function of the client beside a device': {
    steps: [{ calls: [{ name: 'set_lamp', arguments: { on: true } }, lookCall('b1')] }],
    own: true,
  },
  'an answer that is cut': { steps: [{ text: 'It is', finish: 'length' }] },
  'a refusal of the endpoint': { steps: [{ status: 400, body: { error: { message: 'no' } } }] },
  'a failure of the endpoint': { steps: Array.from({ length: 3 }, () => ({ status: 500 })) },
  'a cancellation': { steps: [setLamp(true, 'Please wait.')], stops: true },
};

describe("the events of streams, beside the types that OpenAI's client declares", function () {
  this.timeout(60_000);
  let world: LampWorld;
  before(async () => {
    world = await openLampWorld();
  });
  after(() => world.close());

  /** Asks for a stream, and stops it in the middle of the write where the way says so. */
  async function record(
    { steps, stops }: (typeof ways)[string],
    path: string,
    body: object,
    {
      stop = () => Promise.resolve(),
      headers = {},
    }: { stop?: (id: string, text: string) => Promise<unknown>; headers?: Record<string, string> } = {},
  ): Promise<StreamEvent[]> {
    world.steps.splice(world.model.requests.length, Infinity, ...steps);
    const held = gate();
    if (stops) world.lamp.answer = (response) => void held.opened.then(() => response.end('{}'));
    const { answer } = world.lamp;
    const before = world.writes();
    const response = await fetch(`${world.server.url}/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.ada.token}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ ...body, stream: true }),
    });
    expect(response.status, await (response.ok ? '' : response.text())).to.equal(200);
    let text = '';
    const decoder = new TextDecoder();
    const reading = (async () => {
      for await (const piece of response.body!) text += decoder.decode(piece as Uint8Array, { stream: true });
    })();
    if (stops) {
      await waitFor(() => world.writes() === before + 1);
      const stopping = stop(/"id":"((?:resp|run)_[^"]+)"/.exec(text)![1]!, text);
      held.open();
      await stopping;
      world.lamp.answer = answer;
    }
    await reading;
    return eventsIn(text);
  }

  const kinds = Object.entries(ways);

  for (const [agent, shape] of [
    ['openai', 'function_call'],
    ['ai-sdk/openai/3.0.0', 'mcp_call'],
  ] as const)
    it(`are those of responses, with calls as ${shape}`, async () => {
      const events: StreamEvent[] = [];
      for (const [, way] of kinds) {
        const body = {
          model: 'm',
          input: 'Light!',
          ...world.devices,
          ...(way.own && { tools: [{ type: 'function', name: 'look', parameters: look, strict: false }] }),
        };
        const cancel = (id: string) => world.ada.call('POST', `/v1/responses/${id}/cancel`);
        events.push(
          ...(await record(way, '/responses', body, { stop: cancel, headers: { 'user-agent': agent } })),
        );
      }
      const values = events.map(({ data }) => asClientShows(data));
      expect(
        await declaredTypeFaults({
          module: 'openai/resources/responses/responses',
          type: 'ResponseStreamEvent',
          values,
        }),
      ).to.equal('');
      expect(events.map(({ event }) => event)).to.deep.equal(values.map(({ type }) => type));
    });

  it('are those of runs', async () => {
    const events: StreamEvent[] = [];
    for (const [, way] of kinds) {
      const body = {
        assistant_id: 'default',
        thread: { ...world.devices, messages: [{ role: 'user', content: 'Light!' }] },
        ...(way.own && { tools: [{ type: 'function', function: { name: 'look', parameters: look } }] }),
      };
      const cancel = (run: string, text: string) =>
        world.ada.call('POST', `/v1/threads/${/thread_[0-9a-f]+/.exec(text)![0]}/runs/${run}/cancel`);
      events.push(...(await record(way, '/threads/runs', body, { stop: cancel })));
    }
    const values = events.filter(({ event }) => event !== 'done').map(({ event, data }) => ({ event, data }));
    expect(
      await declaredTypeFaults({
        module: 'openai/resources/beta/assistants',
        type: 'AssistantStreamEvent',
        values,
      }),
    ).to.equal('');
  });

  it('are those of chat completions, of the model and with devices', async () => {
    const events: StreamEvent[] = [];
    for (const devices of [{}, world.devices])
      for (const [, way] of kinds) {
        if (way.stops) continue; // a completion has no call that stops it
        if (devices !== world.devices && (way.steps.length > 1 || 'status' in way.steps[0]!)) continue;
        const body = {
          model: 'm',
          messages: [{ role: 'user', content: 'Light!' }],
          stream_options: { include_usage: true },
          ...devices,
          ...(way.own && { tools: [{ type: 'function', function: { name: 'look', parameters: look } }] }),
        };
        events.push(...(await record(way, '/chat/completions', body)));
      }
    const values = events.map(({ data }) => data).filter((data) => !('error' in data));
    expect(
      await declaredTypeFaults({
        module: 'openai/resources/chat/completions',
        type: 'ChatCompletionChunk',
        values,
      }),
    ).to.equal('');
  });
});

/** An event as the client shows it: it adds `output_text`. Its types leave out two fields that OpenAI's answers have. */
function asClientShows(data: StreamEvent['data']): StreamEvent['data'] {
  if (!('response' in data)) return data;
  const { max_tool_calls: _calls, store: _store, ...response } = data['response'] as StreamEvent['data'];
  return { ...data, response: { ...response, output_text: '' } };
}

/** The events of a text/event-stream without its `[DONE]`. */
function eventsIn(text: string): StreamEvent[] {
  return text.split('\n\n').flatMap((block) => {
    const event = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (data === undefined || data === '[DONE]') return [];
    return [{ event, data: JSON.parse(data) as Record<string, unknown> }];
  });
}
