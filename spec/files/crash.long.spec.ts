import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDiskStore } from '../../lib/files/disk-store.ts';
import { openFileRoom } from '../../lib/files/index.ts';
import { createUrlSigner } from '../../lib/files/url-signer.ts';
import { connectDatabase } from '../../lib/store/database.ts';
import { startCommand } from '../support/command.ts';
import { waitFor } from '../support/wait-for.ts';

const token = 'operator-token-0123456789';

describe('a server that is killed between a part and complete', function () {
  this.timeout(60_000);
  let folder: string;
  const children: ReturnType<typeof startCommand>[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-killed-'));
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  async function start() {
    const env = { PORT: '0', DATA_DIR: folder, AUTH_TOKEN: token, LOG_LEVEL: 'silent' };
    const child = startCommand(['serve'], { cwd: folder, env });
    children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /http:\/\/[^/\s]+/.exec(line.toString())![0];
    const call = async (
      path: string,
      body: object | FormData,
    ): Promise<{ id: string; file: { id: string } }> => {
      const form = body instanceof FormData;
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, ...(!form && { 'content-type': 'application/json' }) },
        body: form ? body : JSON.stringify(body),
      });
      expect(response.status).to.equal(200);
      return (await response.json()) as { id: string; file: { id: string } };
    };
    const get = (path: string): Promise<Response> =>
      fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return { child, url, call, get };
  }

  function formOf(data: Buffer): FormData {
    const form = new FormData();
    form.append('data', new Blob([new Uint8Array(data)]), 'part');
    return form;
  }

  async function filesIn(path: string): Promise<string[]> {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }

  it('has lost no accepted part, shows no half file, and the upload continues', async () => {
    const [first, second] = [Buffer.alloc(100_000, 'a'), Buffer.alloc(50_000, 'b')];
    const before = await start();
    const { id } = await before.call('/v1/uploads', {
      purpose: 'batch',
      filename: 'both.txt',
      bytes: 150_000,
      mime_type: 'text/plain',
    });
    const part = await before.call(`/v1/uploads/${id}/parts`, formOf(first));
    // Half of another part has arrived when the server dies.
    const { port } = new URL(before.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `POST /v1/uploads/${id}/parts HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n` +
        'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 60000\r\n\r\n' +
        '--b\r\nContent-Disposition: form-data; name="data"; filename="x"\r\n\r\n',
    );
    socket.write(Buffer.alloc(20_000, 'b'));
    const unfinished = join(folder, 'files', 'unfinished');
    await waitFor(async () => (await filesIn(unfinished)).length > 0, 10_000);
    before.child.kill('SIGKILL');
    await once(before.child, 'close');
    socket.destroy();

    const after = await start();
    const listed = (await (await after.get('/v1/files')).json()) as { data: unknown[] };
    expect(listed.data).to.deep.equal([]);
    const rest = await after.call(`/v1/uploads/${id}/parts`, formOf(second));
    const { file } = await after.call(`/v1/uploads/${id}/complete`, { part_ids: [part.id, rest.id] });
    const content = Buffer.from(await (await after.get(`/v1/files/${file.id}/content`)).arrayBuffer());
    expect(content.equals(Buffer.concat([first, second]))).to.equal(true);
    after.child.kill('SIGTERM');
    await once(after.child, 'close');

    // What the crash left behind is swept once it is old.
    expect(await filesIn(unfinished)).to.have.length(1);
    const old = new Date(Date.now() - 5 * 3_600_000);
    for (const path of await filesIn(join(folder, 'files'))) await utimes(path, old, old);
    const onError = (error: unknown): never => {
      throw error;
    };
    const database = await connectDatabase({
      databaseUrl: `sqlite:${join(folder, 'lite-agent.db')}`,
      onError,
    });
    const limits = { fileMaxBytes: 1, filesPerOwnerMaxBytes: 1, uploadMaxBytes: 1, uploadPartMaxBytes: 1 };
    const objects = openDiskStore(join(folder, 'files'), createUrlSigner('secret'));
    const room = openFileRoom({ db: database.tables(), objects, fetch, limits, onError });
    await room.sweep();
    await room.close();
    await database.close();
    expect(await filesIn(unfinished)).to.deep.equal([]);
    expect(await filesIn(join(folder, 'files', 'objects'))).to.have.length(2);
  });
});
