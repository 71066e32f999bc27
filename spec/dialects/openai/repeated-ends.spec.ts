import { expect } from 'chai';
import OpenAI, { toFile } from 'openai';
import { startDroppingProxy, type DroppingProxy } from '../../support/dropping-proxy.ts';
import { openLampWorld, type LampWorld } from '../../support/lamp-world.ts';

describe('a call of the official client that ends something', () => {
  let world: LampWorld;
  let proxy: DroppingProxy;
  let client: OpenAI;
  let isLost = false;
  before(async () => {
    world = await openLampWorld();
    proxy = await startDroppingProxy(world.server.url, () => (isLost ? 'answer' : 'none'));
    client = new OpenAI({
      baseURL: `${proxy.url}/v1`,
      apiKey: world.ada.token,
      maxRetries: 2,
      fetch: async (url, init) => {
        isLost = new Headers(init?.headers).get('x-stainless-retry-count') === '0' && init?.method !== 'GET';
        return fetch(url, init);
      },
    });
  });
  after(async () => {
    await proxy.close();
    await world.close();
  });

  const here = () => world.ada.openai;
  const upload = () =>
    here().uploads.create({ purpose: 'user_data', filename: 'a.txt', bytes: 5, mime_type: 'text/plain' });
  const answered = async (): Promise<OpenAI.Responses.Response> => {
    world.steps.push({ text: 'Good day.' });
    return here().responses.create({ model: 'm', input: 'Hello' });
  };
  /** Each call, on a thing that is there, and whether its answer is that of the first one. */
  const ends: Record<string, () => Promise<unknown>> = {
    'the completion of an upload': async () => {
      const { id } = await upload();
      const part = await here().uploads.parts.create(id, { data: await toFile(Buffer.from('hello'), 'a') });
      return (await client.uploads.complete(id, { part_ids: [part.id] })).file?.bytes === 5;
    },
    'the end of an upload': async () =>
      (await client.uploads.cancel((await upload()).id)).status === 'cancelled',
    'the deletion of a file': async () => {
      const file = await toFile(Buffer.from('hello'), 'a.txt');
      return (await client.files.delete((await here().files.create({ file, purpose: 'user_data' })).id))
        .deleted;
    },
    'the deletion of a response': async () => {
      await client.responses.delete((await answered()).id);
      return true; // the client throws what it gets
    },
    'the deletion of a conversation': async () =>
      (await client.conversations.delete((await here().conversations.create()).id)).deleted,
    'the deletion of an item': async () => {
      const items = [{ type: 'message', role: 'user', content: 'Hello' }] as const;
      const { id } = await here().conversations.create({ items: [...items] });
      const [item] = (await here().conversations.items.list(id)).data;
      return (await client.conversations.items.delete(item!.id!, { conversation_id: id })).id === id;
    },
    'the deletion of a thread': async () =>
      (await client.beta.threads.delete((await here().beta.threads.create()).id)).deleted,
    'the deletion of a message': async () => {
      const { id: thread_id } = await here().beta.threads.create();
      const said = await here().beta.threads.messages.create(thread_id, { role: 'user', content: 'Hello' });
      return (await client.beta.threads.messages.delete(said.id, { thread_id })).deleted;
    },
    'the deletion of a stored completion': async () => {
      world.steps.push({ text: 'Good day.' });
      const messages = [{ role: 'user', content: 'Hello' }] as const;
      const { id } = await here().chat.completions.create({
        model: 'm',
        messages: [...messages],
        store: true,
      });
      return (await client.chat.completions.delete(id)).deleted;
    },
  };
  for (const [title, end] of Object.entries(ends))
    it(`has its answer when the first one was lost: ${title}`, async () => {
      const { drops } = proxy;
      expect(await end()).to.equal(true);
      expect(proxy.drops).to.equal(drops + 1);
    });
});
