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

/** A way in which an answer can go. */
interface Way {
  steps: ModelServerStep[];
  own?: true;
  stops?: true;
}

/** One kind of stream: how it is asked for, and the type that its events have for the client. */
interface Stream {
  path: string;
  declared: { module: string; type: string };
  body(way: Way): object;
  isPossible?(way: Way): boolean;
  stop?(id: string, text: string): Promise<unknown>;
  headers?: Record<string, string>;
  /** The value that is compared with the type; undefined where none is. */
  shown(event: StreamEvent): object | undefined;
}

const look = { type: 'object', properties: {} };
const lookCall = (id: string) => ({ name: 'look', arguments: {}, id });

/** Every way in which an answer can go: what the model does, and whether the client asks for a function of its own, or stops it. */
const ways: Record<string, Way> = {
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
    { steps, stops }: Way,
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

  /** The client's own function, as responses have it, and as runs and completions have it. */
  const flat = { type: 'function', name: 'look', parameters: look, strict: false };
  const nested = { type: 'function', function: { name: 'look', parameters: look } };
  const own = ({ own: hasOwn }: Way, tool: object) => (hasOwn ? { tools: [tool] } : {});

  const responses = (userAgent: string): Stream => ({
    path: '/responses',
    declared: { module: 'openai/resources/responses/responses', type: 'ResponseStreamEvent' },
    body: (way) => ({ model: 'm', input: 'Light!', ...world.devices, ...own(way, flat) }),
    stop: (id) => world.ada.call('POST', `/v1/responses/${id}/cancel`),
    headers: { 'user-agent': userAgent },
    shown: ({ event, data }) => {
      expect(event).to.equal(data['type']);
      return asClientShows(data);
    },
  });
  const runs: Stream = {
    path: '/threads/runs',
    declared: { module: 'openai/resources/beta/assistants', type: 'AssistantStreamEvent' },
    body: (way) => ({
      assistant_id: 'default',
      thread: { ...world.devices, messages: [{ role: 'user', content: 'Light!' }] },
      ...own(way, nested),
    }),
    stop: (run, text) =>
      world.ada.call('POST', `/v1/threads/${/thread_[0-9a-f]+/.exec(text)![0]}/runs/${run}/cancel`),
    shown: ({ event, data }) => (event === 'done' ? undefined : { event, data }),
  };
  const completions = (devices: () => object, isPossible: (way: Way) => boolean): Stream => ({
    path: '/chat/completions',
    declared: { module: 'openai/resources/chat/completions', type: 'ChatCompletionChunk' },
    body: (way) => ({
      model: 'm',
      messages: [{ role: 'user', content: 'Light!' }],
      stream_options: { include_usage: true },
      ...devices(),
      ...own(way, nested),
    }),
    isPossible: (way) => !way.stops && isPossible(way), // a completion has no call that stops it
    shown: ({ data }) => ('error' in data ? undefined : data),
  });

  for (const [title, stream] of [
    ['responses, with calls as function_call', responses('openai')],
    ['responses, with calls as mcp_call', responses('ai-sdk/openai/3.0.0')],
    ['runs', runs],
    [
      'chat completions of the model',
      completions(
        () => ({}),
        ({ steps }) => steps.length === 1 && !('status' in steps[0]!),
      ),
    ],
    [
      'chat completions with devices',
      completions(
        () => world.devices,
        () => true,
      ),
    ],
  ] as const)
    it(`are those of ${title}`, async () => {
      const { path, body, declared, isPossible = () => true, shown, ...more } = stream;
      const events: StreamEvent[] = [];
      for (const way of Object.values(ways))
        if (isPossible(way)) events.push(...(await record(way, path, body(way), more)));
      const values = events.map(shown).filter((value) => value !== undefined);
      expect(await declaredTypeFaults({ ...declared, values })).to.equal('');
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
