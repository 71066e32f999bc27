import { expect } from 'chai';
import { checkLoop, startWatchdog } from '../support/loop-watchdog.ts';
import { openLampWorld, setLamp, type LampWorld } from '../support/lamp-world.ts';

const BIG = '12345678901234567890';

/** Fields that are on their way through the server: their whole numbers keep each digit, past 2^53 too. */
describe('a whole number past 2^53 in a field that the server does not name', () => {
  let world: LampWorld;
  before(async () => {
    world = await openLampWorld();
  });
  after(() => world.close());

  /** The text of an answer. */
  async function send(method: string, path: string, body?: string): Promise<string> {
    const response = await fetch(`${world.server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${world.ada.token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    expect(response.status, text).to.equal(200);
    return text;
  }

  it('reaches the endpoint of a chat completion, in schemas and in fields of its own', async () => {
    world.steps.push({ text: 'Hello.' });
    const tools = `[{"type":"function","function":{"name":"f","parameters":{"maximum":${BIG}}}}]`;
    await send(
      'POST',
      '/v1/chat/completions',
      `{"model":"m","messages":[{"role":"user","content":"Hi"}],"tools":${tools},"my_id":${BIG}}`,
    );
    const { text } = world.model.requests.at(-1)!;
    expect(text).to.include(`"tools":${tools},"my_id":${BIG}`);
  });

  it('is rounded in a schema where devices answer: the log of a task holds numbers', async () => {
    world.steps.push(setLamp(true), { text: 'Done.' });
    const tools = `[{"type":"function","function":{"name":"f","parameters":{"type":"object","maximum":${BIG}}}}]`;
    const devices = JSON.stringify(world.devices).slice(1, -1);
    const answer = await send(
      'POST',
      '/v1/chat/completions',
      `{"model":"m","messages":[{"role":"user","content":"Hi"}],"tools":${tools},${devices}}`,
    );
    expect(answer).to.include('"content":"Done."');
  });

  it('stays in a configuration of an app, and in its published copy', async () => {
    const made = JSON.parse(await send('POST', '/apps', '{"name":"A","icon":"HTTP://a.example/i.png"}')) as {
      data: { id: string };
    };
    const app = `/apps/${made.data.id}`;
    const own = `"account":${BIG},"deep":{"list":[${BIG}]}`;
    await send('POST', `${app}/config`, `{"model_config":{"dialog_round":3,${own}},"memory_mode":"none"}`);
    await send('POST', `${app}/publish`);
    expect((await send('GET', app)).split(own).length - 1).to.equal(2);
  });

  it('is rounded in a body of more than 256 KiB, which is not refused for it', async () => {
    const made = JSON.parse(await send('POST', '/apps', '{"name":"A","icon":"http://a.example/i.png"}')) as {
      data: { id: string };
    };
    const app = `/apps/${made.data.id}`;
    const long = 'x'.repeat(300 * 1024);
    await send(
      'POST',
      `${app}/config`,
      `{"model_config":{"dialog_round":3,"account":${BIG},"long":"${long}"},"memory_mode":"none"}`,
    );
    expect(await send('GET', app)).to.include('"account":12345678901234567000');
  });

  it('is not looked for in a large document, which would hold the event loop', async () => {
    const made = JSON.parse(await send('POST', '/apps', '{"name":"A","icon":"http://a.example/i.png"}')) as {
      data: { id: string };
    };
    const operation = { get: { parameters: [{ name: 'a', in: 'query', schema: { type: 'integer' } }] } };
    const paths = Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`/${index}`, operation]));
    const openSpec = { openapi: '3.1.0', info: { title: 'Large', version: '1' }, paths };
    const body = JSON.stringify({ model_config: { openSpecList: [{ openSpec }] }, memory_mode: 'none' });
    const watchdog = startWatchdog();
    const response = await fetch(`${world.server.url}/apps/${made.data.id}/config`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.ada.token}`, 'content-type': 'application/json' },
      body,
    });
    const report = watchdog.take();
    watchdog.stop();
    expect(await response.json()).to.deep.include({ message: 'model_config.dialog_round is missing' });
    checkLoop(report, 'a large document');
  });

  it('stays in the memory of the user, and the model sees its digits as a text', async () => {
    expect(await send('POST', '/v1/memory/config', `{"account":${BIG}}`)).to.include(`{"account":${BIG}}`);
    expect(await send('GET', '/v1/memory/config')).to.include(`{"account":${BIG}}`);
    world.steps.push({ calls: [{ name: 'memory_config_read', arguments: {} }] }, { text: 'Done.' });
    const { id } = JSON.parse(await send('POST', '/v1/threads')) as { id: string };
    await world.ada.openai.beta.threads.messages.create(id, { role: 'user', content: 'Hi' });
    await world.ada.openai.beta.threads.runs.createAndPoll(
      id,
      { assistant_id: 'default' },
      { pollIntervalMs: 10 },
    );
    expect(JSON.stringify(world.model.requests.at(-1)!.body['messages'])).to.include(BIG);
  });

  it('stays in a message of a stored chat completion', async () => {
    world.steps.push({ text: 'Hello.' });
    const answer = await send(
      'POST',
      '/v1/chat/completions',
      `{"model":"m","store":true,"messages":[{"role":"user","content":"Hi","number":${BIG}}]}`,
    );
    const { id } = JSON.parse(answer) as { id: string };
    expect(world.model.requests.at(-1)!.text).to.include(`"number":${BIG}`);
    expect(await send('GET', `/v1/chat/completions/${id}`)).to.include('"content":"Hello."');
  });
});
