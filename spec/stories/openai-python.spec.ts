import { expect } from 'chai';
import { openLampWorld, setLamp, type LampWorld } from '../support/lamp-world.ts';
import { needOpenAiPython, runOpenAiPython } from '../support/openai-python.ts';

describe('the OpenAI client for Python sets a device', function () {
  this.timeout(90_000);
  let world: LampWorld;
  let conversation: string;
  before(async () => {
    world = await openLampWorld();
    await world.registerLamp('lamp');
  });
  beforeEach(async () => {
    const made = await world.ada.call('POST', '/v1/conversations', world.devices);
    conversation = (made.body as { id: string }).id;
  });
  after(() => world.close());

  const turnOn = (text = 'It is on.') => world.steps.push(setLamp(true), { text });
  /** Runs a step, and returns its result with how often the lamp was set. */
  const run = async (step: string): Promise<[unknown, number]> => {
    const writes = world.writes();
    const account = { baseUrl: `${world.server.url}/v1`, token: world.ada.token, conversation };
    const result = await runOpenAiPython(step, account);
    return [result, world.writes() - writes];
  };

  it('through responses, whole and streamed, and reads the response again', async function () {
    needOpenAiPython(this);
    turnOn();
    turnOn('It is still on.');
    expect(await run('responses')).to.deep.equal([
      {
        texts: ['It is on.', 'It is still on.', 'It is on.'],
        streamed: 'It is still on.',
        items: ['function_call', 'function_call_output', 'message'],
        same: true,
      },
      2,
    ]);
  });

  it('through responses with a function of its own', async function () {
    needOpenAiPython(this);
    const ask = { calls: [{ name: 'get_time', arguments: {} }] };
    world.steps.push(ask, setLamp(true), { text: 'It is on since seven.' });
    expect(await run('functions')).to.deep.equal([{ asked: 'get_time', text: 'It is on since seven.' }, 1]);
  });

  it('through a stream of its asynchronous client', async function () {
    needOpenAiPython(this);
    turnOn();
    expect(await run('parallel')).to.deep.equal([
      { first: 'response.created', last: 'response.completed' },
      1,
    ]);
  });

  it('through chat completions, whole and streamed', async function () {
    needOpenAiPython(this);
    turnOn();
    turnOn('It is still on.');
    expect(await run('chat')).to.deep.equal([
      { whole: 'It is on.', streamed: 'It is still on.', finish: ['stop', 'stop'] },
      2,
    ]);
  });

  it('through the runs of a thread, polled and streamed', async function () {
    needOpenAiPython(this);
    turnOn();
    turnOn('It is still on.');
    expect(await run('threads')).to.deep.equal([
      {
        status: 'completed',
        streamed: 'It is still on.',
        messages: [
          ['user', 'Light!'],
          ['assistant', 'It is on.'],
          ['user', 'Again!'],
          ['assistant', 'It is still on.'],
        ],
      },
      2,
    ]);
  });
});
