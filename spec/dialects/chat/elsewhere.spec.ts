import { expect } from 'chai';
import { makeConversation, openChatWorld, registerUser, type ChatWorld } from '../../support/chat-world.ts';
import { startS3Server, type S3Server } from '../../support/s3-server.ts';
import { waitFor } from '../../support/wait-for.ts';

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

const IMAGE_MAX_BYTES = 4096;

describe('the chat dialect with pictures in S3', () => {
  let s3: S3Server;
  let world: ChatWorld;
  before(async () => {
    s3 = await startS3Server('pictures');
    world = await openChatWorld({
      S3_ENDPOINT: s3.endpoint,
      IMAGE_MAX_BYTES: String(IMAGE_MAX_BYTES),
      S3_REGION: 'eu-test-1',
      S3_BUCKET: 'pictures',
      S3_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      S3_SECRET_ACCESS_KEY: 'secret-0123456789',
    });
  });
  after(async () => {
    await world.close();
    await s3.close();
  });

  it('gives the client and the model URLs of the bucket', async () => {
    const user = await registerUser(world);
    const id = await makeConversation(world, user);
    const { urls } = await world.ok<{ urls: string[] }>(200, 'POST', '/chat/get_upload_presigned_url', {
      token: user.access,
      body: { conversation_id: id, suffixes: ['.png'] },
    });
    expect(urls[0]).to.match(
      new RegExp(`^${s3.endpoint}/pictures/[\\da-f-]{36}/${id}/images/[\\da-f-]{36}\\.png\\?`),
    );
    expect((await fetch(urls[0]!, { method: 'PUT', body: png })).status).to.equal(200);
    world.steps.push({ text: 'A picture.' });
    await world.ok(200, 'POST', '/chat/send', {
      token: user.access,
      body: {
        conversation_id: id,
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: urls[0] } }] }],
        base_url: world.model.baseUrl,
        model_name: 'm',
        api_key: 'k',
      },
    });
    const [asked] = world.model.requests.at(-1)!.body['messages'] as unknown as {
      content: { image_url: { url: string } }[];
    }[];
    const shown = await fetch(asked!.content[0]!.image_url.url);
    expect(shown.headers.get('content-type')).to.equal('image/png');
    expect(Buffer.from(await shown.arrayBuffer())).to.deep.equal(png);
    const other = await registerUser(world);
    const theirs = await makeConversation(world, other);
    const stolen = await world.call('POST', '/chat/send', {
      token: other.access,
      body: {
        conversation_id: theirs,
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: urls[0] } }] }],
        base_url: world.model.baseUrl,
        model_name: 'm',
        api_key: 'k',
      },
    });
    expect(stolen.status).to.equal(404);
    await world.ok(204, 'POST', '/conversation/delete', { token: user.access, body: { ids: [id] } });
    expect([...s3.objects.keys()]).to.deep.equal([]);
  });

  it('takes nothing else for a picture, and no picture that was never sent', async () => {
    const user = await registerUser(world);
    const id = await makeConversation(world, user);
    const { urls } = await world.ok<{ urls: string[] }>(200, 'POST', '/chat/get_upload_presigned_url', {
      token: user.access,
      body: { conversation_id: id, suffixes: ['png', 'png'] },
    });
    const type = { 'content-type': 'text/html' };
    await fetch(urls[0]!, { method: 'PUT', headers: type, body: '<script>alert(1)</script>' });
    const asked = world.model.requests.length;
    const answers = [];
    for (const url of urls)
      answers.push(
        await world.call('POST', '/chat/send', {
          token: user.access,
          body: {
            conversation_id: id,
            messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
            base_url: world.model.baseUrl,
            model_name: 'm',
            api_key: 'k',
          },
        }),
      );
    expect(answers.map(({ status }) => status)).to.deep.equal([422, 404]);
    expect(JSON.stringify(answers[0]!.body)).to.include(
      '/messages/0/content/0/image_url must lead to a picture',
    );
    expect(world.model.requests).to.have.lengthOf(asked);
    await world.ok(204, 'POST', '/conversation/delete', { token: user.access, body: { ids: [id] } });
  });

  it('signs the size of a picture, and refuses one that became larger than it may be', async () => {
    const user = await registerUser(world);
    const id = await makeConversation(world, user);
    const presign = (sizes: number[]) =>
      world.call('POST', '/chat/get_upload_presigned_url', {
        token: user.access,
        body: { conversation_id: id, suffixes: ['png'], sizes },
      });
    expect((await presign([IMAGE_MAX_BYTES + 1])).status).to.equal(422);
    expect((await presign([1, 1])).status).to.equal(422);
    const [url = ''] = ((await presign([png.length])).body as { urls: string[] }).urls;
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).to.equal('content-length;host');
    const large = Buffer.concat([png, Buffer.alloc(IMAGE_MAX_BYTES)]);
    await fetch(url, { method: 'PUT', body: large }); // this bucket checks no signature
    const sent = await world.call('POST', '/chat/send', {
      token: user.access,
      body: {
        conversation_id: id,
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
        base_url: world.model.baseUrl,
        model_name: 'm',
        api_key: 'k',
      },
    });
    expect([sent.status, [...s3.objects.keys()]]).to.deep.equal([413, []]);
  });

  it('says 503 when the bucket is down', async () => {
    const user = await registerUser(world);
    const id = await makeConversation(world, user);
    s3.down = true;
    try {
      const gone = await world.call('POST', '/conversation/delete', {
        token: user.access,
        body: { ids: [id] },
      });
      expect(gone.status).to.equal(204); // the conversation is gone; its pictures are in the log
      expect(world.app.complaints.some((text) => text.includes('pictures could not be removed'))).to.equal(
        true,
      );
    } finally {
      s3.down = false;
    }
  }).timeout(20_000);
});

describe('a chat server that goes down', () => {
  it('knows the user on another node, and stores the messages', async () => {
    const world = await openChatWorld();
    try {
      const user = await registerUser(world);
      const id = await makeConversation(world, user);
      world.steps.push({
        answer(response) {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(
            `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'Half' } }] })}\n\n`,
          );
        },
      });
      let seen = '';
      const reading = (async () => {
        const response = await fetch(`${world.app.url}/chat/send`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${user.access}` },
          body: JSON.stringify({
            conversation_id: id,
            messages: [{ role: 'user', content: 'Hi' }],
            base_url: world.model.baseUrl,
            model_name: 'm',
            api_key: 'k',
          }),
        });
        for await (const bytes of response.body!) seen += Buffer.from(bytes as Uint8Array).toString();
      })();
      await waitFor(() => seen.includes('Half'));
      await world.restart();
      await reading;
      expect(JSON.parse(seen.trim().split('\n').at(-1)!)).to.deep.equal({
        type: 'error',
        detail: 'The server is going away.',
      });
      const { messages } = await world.ok<{ messages: { content: string }[] }>(200, 'GET', `/chat/${id}`, {
        token: user.access,
      });
      expect(messages.map(({ content }) => content)).to.deep.equal(['Hi', 'Half']);
    } finally {
      await world.close();
    }
  });
});
