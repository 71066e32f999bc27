import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openTestApp, type TestApp } from '../support/app.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const MiB = 1024 * 1024;

describe('the disk of the server', () => {
  let folder: string;
  let app: TestApp;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'disk-limits-'));
    app = await openTestApp({
      DATA_DIR: folder,
      DATABASE_URL: `sqlite:${join(folder, 'a.db')}`,
      FILES_PER_OWNER_MAX_BYTES: String(3 * MiB),
      SESSIONS_PER_OWNER_MAX_BYTES: String(2 * MiB),
    });
  });
  after(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });

  /** The bytes of all pictures on the disk. */
  const pictureBytes = (): number =>
    readdirSync(join(folder, 'files'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);

  interface User {
    conversation: number;
    send(path: string, body: unknown): Promise<{ status: number; body: unknown }>;
  }

  async function newUser(name: string): Promise<User> {
    const account = { username: name, email: `${name}@example.com`, password: 'right horse battery 7' };
    const { body } = await app.post('/api/v1/user/register', account);
    const { access_token: token } = body as { access_token: string };
    const send: User['send'] = async (path, sent) => {
      const answer = await fetch(`${app.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(sent),
      });
      return { status: answer.status, body: answer.status === 204 ? undefined : await answer.json() };
    };
    const config = {
      name: 'c',
      base_url: 'http://127.0.0.1:9/v1',
      model_name: 'm',
      api_key: 'k',
      params: {},
    };
    const made = await send('/api/v1/model_config/create', config);
    const { config_id: id } = made.body as { config_id: number };
    const { body: opened } = await send('/api/v1/conversation/create', { model_config_id: id });
    return { conversation: (opened as { conversation_id: number }).conversation_id, send };
  }

  /** PUTs a body to so many signed URLs of a user, and counts the statuses. */
  async function upload(user: User, count: number, body: Buffer): Promise<Record<string, number>> {
    const { body: signed } = await user.send('/api/v1/chat/get_upload_presigned_url', {
      conversation_id: user.conversation,
      suffixes: Array.from({ length: count }, () => 'png'),
    });
    const counts: Record<string, number> = {};
    for (const url of (signed as { urls: string[] }).urls) {
      const { status } = await fetch(url, { method: 'PUT', body });
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  }

  it('takes no bytes that are no picture under the name of one', async () => {
    const user = await newUser('junk');
    expect(await upload(user, 5, Buffer.alloc(MiB, 'A'))).to.deep.equal({ 415: 5 });
    expect(await upload(user, 2, Buffer.alloc(0))).to.deep.equal({ 415: 2 });
    expect(pictureBytes()).to.equal(0);
  });

  it('counts pictures against their owner, and gives the room back with the conversation', async () => {
    const user = await newUser('pictures');
    const picture = Buffer.concat([PNG, Buffer.alloc(MiB - PNG.length)]);
    expect(await upload(user, 5, picture)).to.deep.equal({ 200: 3, 413: 2 });
    expect(pictureBytes()).to.equal(3 * MiB);
    const other = await newUser('another');
    expect(await upload(other, 1, picture)).to.deep.equal({ 200: 1 });
    expect((await user.send('/api/v1/conversation/delete', { ids: [user.conversation] })).status).to.equal(
      204,
    );
    expect(pictureBytes()).to.equal(MiB);
    const again = await newUser('again');
    expect(await upload(again, 1, picture)).to.deep.equal({ 200: 1 });
  });

  it('takes no long prompt, and no more documents of one caller than its limit', async () => {
    const long = await app.post('/api/init', { systemPrompt: 'é'.repeat(128 * 1024 + 1) });
    expect(long).to.deep.equal({
      status: 400,
      body: {
        type: 'about:blank',
        title: 'Bad Request',
        status: 400,
        detail: 'The system prompt is larger than 262144 bytes (SYSTEM_PROMPT_MAX_BYTES).',
        errors: [{ pointer: '/systemPrompt', detail: 'must have at most 262144 bytes' }],
      },
    });
    const openSpec = {
      openapi: '3.1.0',
      info: { title: 'D', version: '1', description: 'x'.repeat(MiB) },
      servers: [{ url: 'http://127.0.0.1:9' }],
      paths: { '/a': { get: {} } },
    };
    const statuses: number[] = [];
    for (let at = 0; at < 4; at++)
      statuses.push((await app.post('/api/init', { openSpecList: [{ openSpec }] })).status);
    expect(statuses).to.deep.equal([200, 200, 429, 429]);
  });
});
