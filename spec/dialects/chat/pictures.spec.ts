import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  makeConversation,
  onBothEngines,
  registerUser,
  type ChatUser,
  type ChatWorld,
} from '../../support/chat-world.ts';

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

interface Part {
  type: string;
  text?: string;
  image_url?: { url: string };
}

onBothEngines('pictures in the chat dialect', (open) => {
  let world: ChatWorld;
  let user: ChatUser;
  let id: number;
  before(async () => {
    world = await open();
  });
  beforeEach(async () => {
    user = await registerUser(world);
    id = await makeConversation(world, user);
    world.steps.length = world.model.requests.length;
  });
  after(() => world.close());

  const presign = (suffixes: string[], by = user, conversation = id) =>
    world.call('POST', '/chat/get_upload_presigned_url', {
      token: by.access,
      body: { conversation_id: conversation, suffixes },
    });
  async function upload(by = user, conversation = id): Promise<string> {
    const [url] = ((await presign(['png'], by, conversation)).body as { urls: string[] }).urls;
    expect((await fetch(url!, { method: 'PUT', body: png })).status).to.equal(200);
    return url!;
  }
  const send = (content: unknown) =>
    world.call('POST', '/chat/send', {
      token: user.access,
      body: {
        conversation_id: id,
        messages: [{ role: 'user', content }],
        base_url: world.model.baseUrl,
        model_name: 'm',
        api_key: 'k',
      },
    });
  const history = async () =>
    (await world.ok<{ messages: { content: Part[] }[] }>(200, 'GET', `/chat/${id}`, { token: user.access }))
      .messages;

  it('have one URL each, with the key that the contract gives them', async () => {
    const answer = await presign(['png', '.JPG']);
    expect(answer.status).to.equal(200);
    const { urls } = answer.body as { urls: string[] };
    expect(urls.map((url) => new URL(url).pathname.split('.').at(-1))).to.deep.equal(['png', 'jpg']);
    const keys = urls.map((url) => new URL(url).pathname.replace('/api/v1/objects/', ''));
    for (const key of keys)
      expect(key).to.match(new RegExp(`^[\\da-f-]{36}/${id}/images/[\\da-f]{8}-[\\da-f-]{27}\\.(png|jpg)$`));
    expect(new Set(keys).size).to.equal(2);
    for (const [url] of urls.map((one) => [new URL(one)]))
      expect(Number(url!.searchParams.get('expires')) - Date.now() / 1000).to.be.within(290, 301);
    for (const bad of ['svg', 'html', 'png/../x', '']) expect((await presign([bad])).status).to.equal(422);
    expect((await presign([])).body).to.deep.equal({ urls: [] });
  });

  it('go to the model and into the history as URLs to download', async () => {
    const url = await upload();
    world.steps.push({ text: 'A dot.' });
    await send([
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url } },
    ]);
    const [asked] = world.model.requests.at(-1)!.body['messages'] as unknown as { content: Part[] }[];
    expect(asked!.content[0]).to.deep.equal({ type: 'text', text: 'What is it?' });
    const [said] = await history();
    expect(said!.content.map(({ type }) => type)).to.deep.equal(['text', 'image_url']);
    for (const link of [asked!.content[1]!.image_url!.url, said!.content[1]!.image_url!.url]) {
      expect(link).to.not.equal(url);
      const got = await fetch(link);
      expect([
        got.status,
        got.headers.get('content-type'),
        got.headers.get('content-security-policy'),
      ]).to.deep.equal([200, 'image/png', "default-src 'none'; sandbox"]);
      expect(Buffer.from(await got.arrayBuffer())).to.deep.equal(png);
      // It is for reading only.
      expect((await fetch(link, { method: 'PUT', body: png })).status).to.equal(403);
    }
    const stored = await world.sql<{ chat_messages: { id: number; content: string } }, { content: string }[]>(
      (db) => db.selectFrom('chat_messages').select('content').orderBy('id', 'desc').execute(),
    );
    expect(stored.map(({ content }) => content).find((text) => text.includes('image'))).to.not.include(
      'signature',
    );
    // A URL of the history may be said again, and so may pictures from elsewhere.
    world.steps.push({ text: 'The same.' });
    await send([{ type: 'image_url', image_url: said!.content[1]!.image_url!.url }]);
    world.steps.push({ text: 'Another.' });
    const elsewhere = [{ type: 'image_url', image_url: { url: 'https://example.com/a.png?signature=x' } }];
    await send(elsewhere);
    expect((await history()).at(-2)!.content).to.deep.equal(elsewhere);
  });

  it('come back without their query, as pages send them, and stay ours', async () => {
    const [bare] = (await upload()).split('?');
    expect(new URL(bare!).pathname).to.match(/^\/api\//); // some proxies pass on nothing else
    world.steps.push({ text: 'A dot.' });
    await send([{ type: 'image_url', image_url: { url: bare } }]);
    const [asked] = world.model.requests.at(-1)!.body['messages'] as unknown as { content: Part[] }[];
    const [said] = await history();
    for (const part of [asked!.content[0]!, said!.content[0]!]) {
      const link = part.image_url!.url;
      expect([new URL(link).searchParams.has('signature'), link.split('?')[0]]).to.deep.equal([true, bare]);
      expect(Buffer.from(await (await fetch(link)).arrayBuffer())).to.deep.equal(png);
    }
  });

  it('have the same signed URLs behind the proxy of the page, which strips the first /api', async () => {
    const [signed] = ((await presign(['png'])).body as { urls: string[] }).urls;
    const stripped = (url: string): string => url.replace('/api/v1/', '/v1/');
    expect((await fetch(stripped(signed!), { method: 'PUT', body: png })).status).to.equal(200);
    world.steps.push({ text: 'A dot.' });
    await send([{ type: 'image_url', image_url: { url: signed!.split('?')[0] } }]);
    const [said] = await history();
    const shown = await fetch(stripped(said!.content[0]!.image_url!.url));
    expect(Buffer.from(await shown.arrayBuffer())).to.deep.equal(png);
    const unsigned = await fetch(stripped(signed!.split('?')[0]!));
    expect(unsigned.status).to.equal(400);
    await unsigned.body?.cancel();
  });

  it('of somebody else are not there, however they are named', async () => {
    const other = await registerUser(world);
    const theirs = await upload(other, await makeConversation(world, other));
    const key = new URL(theirs).pathname.replace('/api/v1/objects/', '');
    const bare = theirs.split('?')[0]!;
    const forged = `${bare}?expires=9999999999&signature=AAAA`;
    for (const url of [
      theirs,
      bare,
      forged,
      bare.replace('/api/v1', ''),
      `cos://${key}`,
      'cos://x/../y',
      'cos://',
    ])
      for (const image of [url, { url }]) {
        const answer = await send([{ type: 'image_url', image_url: image }]);
        expect([answer.status, answer.body]).to.deep.equal([404, { detail: 'There is no such picture.' }]);
      }
    // An address of another server is one from elsewhere: nothing is signed for it.
    world.steps.push({ text: 'No.' });
    const elsewhere = forged.replace(world.app.url, 'https://other.example');
    await send([{ type: 'image_url', image_url: { url: elsewhere } }]);
    expect((await history())[0]!.content[0]!.image_url!.url).to.equal(elsewhere);
    expect((await fetch(forged)).status).to.equal(403);
    expect(await readdir(world.folder)).to.not.include('etc');
  });

  it('are accepted under their own key only, complete, and not too large', async () => {
    const [url] = ((await presign(['png'])).body as { urls: string[] }).urls;
    const other = new URL(url!);
    other.pathname = other.pathname.replace('.png', '.jpg');
    for (const bad of [
      other.href,
      url!.replace('expires=', 'expires=9'),
      url!.replace(/signature=./, 'signature='),
      `${url!}x`,
    ])
      expect((await fetch(bad, { method: 'PUT', body: png })).status, bad).to.equal(403);
    expect((await fetch(url!)).status).to.equal(403);
    expect((await fetch(url!.split('?')[0]!)).status).to.equal(400);
    expect((await fetch(url!, { method: 'POST', body: png })).status).to.equal(404);
    const large = await fetch(url!, {
      method: 'PUT',
      body: Buffer.concat([png, Buffer.alloc(20 * 1024 * 1024)]),
    });
    expect(large.status).to.equal(413);
    await large.body?.cancel();
  });

  it('are removed with their conversation', async () => {
    await upload();
    const [owner = ''] = await readdir(join(world.folder, 'files', 'named')).then((names) =>
      names.filter((name) => name.length === 36),
    );
    const before = await readdir(join(world.folder, 'files', 'named', owner)).catch(() => []);
    expect(before.length).to.be.above(0);
    const gone = await world.call('POST', '/conversation/delete', {
      token: user.access,
      body: { ids: [id] },
    });
    expect(gone.status).to.equal(204);
    const all = await readdir(join(world.folder, 'files', 'named'), { recursive: true });
    expect(all.filter((name) => name.includes(`/${id}/`))).to.deep.equal([]);
  });
});
