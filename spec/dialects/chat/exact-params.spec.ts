import { expect } from 'chai';
import {
  makeConversation,
  onBothEngines,
  registerUser,
  type ChatUser,
  type ChatWorld,
} from '../../support/chat-world.ts';

onBothEngines('the numbers in params of the chat dialect', (open) => {
  let world: ChatWorld;
  let user: ChatUser;
  let id: number;
  before(async () => {
    world = await open();
    user = await registerUser(world);
    id = await makeConversation(world, user);
  });
  after(() => world.close());

  /** A call with the text of its bodies: reading them would round their numbers. */
  async function call(method: string, path: string, body?: string) {
    const answer = await fetch(`${world.app.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${user.access}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
    });
    return { status: answer.status, text: await answer.text() };
  }
  const number = '9007199254740993';
  const params = `{"temperature":0.5,"seed":${number},"vendor":{"ids":[-${number},1]}}`;
  const digits = [`"seed":${number}`, `"vendor":{"ids":[-${number},1]}`];
  const modelOf = (more: string) => `"base_url":"${world.model.baseUrl}","model_name":"m","params":${more}`;
  const messages = '"messages":[{"role":"user","content":"Hello"}]';
  /** The path and the body of each request that asks a model. */
  const asking = (model: string) =>
    ['/chat/send', '/conversation/generate_title', '/chat/generate_title'].map(
      (path) => [path, `{"conversation_id":${id},${messages},${model}}`] as const,
    );
  async function expectDigitsAtModel(model: string): Promise<void> {
    for (const [path, body] of asking(model)) {
      world.steps.push({ text: 'Good day.' });
      const { status, text } = await call('POST', path, body);
      expect(status, text).to.be.within(200, 202);
      expect(world.model.requests.at(-1)!.text, path).to.include(digits[0]).and.include(digits[1]);
    }
  }

  it('keep each digit on their way to the endpoint', () => expectDigitsAtModel(modelOf(params)));

  it('keep each digit in a stored configuration, also when it is sent back, and from there to the endpoint', async () => {
    const made = await call('POST', '/model_config/create', `{${modelOf(params)}}`);
    const listed = await call('GET', '/model_config');
    expect([made.status, listed.status]).to.deep.equal([201, 200]);
    for (const { text } of [made, listed]) expect(text).to.include(digits[0]).and.include(digits[1]);
    const { config_id: config } = JSON.parse(made.text) as { config_id: number };
    const changed = await call('POST', '/model_config/update', `{"config_id":${config},${modelOf(params)}}`);
    expect(changed.status, changed.text).to.equal(202);
    expect((await call('GET', '/model_config')).text).to.equal(listed.text);
    await expectDigitsAtModel(`"model_config_id":${config}`);
  });

  it('are refused past the range, and where the schema has a limit', async () => {
    for (const bad of ['{"seed":1e400}', `{"max_tokens":${number}}`, `{"temperature":${number}}`])
      for (const [path, body] of [
        ...asking(modelOf(bad)),
        ['/model_config/create', `{${modelOf(bad)}}`] as const,
      ])
        expect((await call('POST', path, body)).status, `${path} ${bad}`).to.equal(422);
  });
});
