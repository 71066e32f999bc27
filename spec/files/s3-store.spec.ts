import { spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { AppError } from '../../lib/errors.ts';
import { openS3Store } from '../../lib/files/s3-store.ts';
import type { ObjectStore } from '../../lib/files/object-store.ts';
import { describeObjectStore } from '../contracts/object-store.ts';
import { needPeer } from '../support/peers.ts';
import { startS3Server, type S3Server, type SeenRequest } from '../support/s3-server.ts';

const key = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const place = { region: 'ap-guangzhou', bucket: 'pictures-1250000000' };
const script = fileURLToPath(new URL('../support/s3-signatures.py', import.meta.url));

/** Whether botocore finds the signature of each request right. */
function judge(requests: readonly SeenRequest[]): boolean[] {
  const args = [script, key.accessKeyId, key.secretAccessKey, place.region];
  // Debian's own interpreter, which has botocore: another one may come first in PATH.
  const run = spawnSync('/usr/bin/python3', args, { input: JSON.stringify(requests), encoding: 'utf8' });
  expect(run.stderr).to.equal('');
  return JSON.parse(run.stdout) as boolean[];
}

describe('objects in S3', () => {
  let server: S3Server;
  let store: ObjectStore;
  before(async () => {
    server = await startS3Server(place.bucket);
    store = openS3Store({ endpoint: server.endpoint, ...place, ...key });
  });
  after(async () => {
    store.close();
    await server.close();
  });

  describeObjectStore('S3', {
    open: () => store,
    origin: () => 'http://unused.example',
    age: (ms) => {
      for (const object of server.objects.values())
        object.modified = new Date(object.modified.getTime() - ms);
      for (const upload of server.uploads.values()) upload.begun = new Date(upload.begun.getTime() - ms);
    },
    unfinished: () => server.uploads.size,
    begin: () => void server.uploads.set('begun', { key: 'objects/x', parts: new Map(), begun: new Date() }),
  });

  it('are signed as an independent implementation signs them', async function () {
    needPeer(this, 'botocore');
    server.requests.length = 0;
    const name = 'u-1/7/images/a_b.c-d.png';
    for (const method of ['PUT', 'GET'] as const) {
      const url = await store.sign({ method, key: name, seconds: 300, origin: '' });
      expect((await fetch(url, { method, ...(method === 'PUT' && { body: 'bytes' }) })).status).to.equal(200);
    }
    await store.write(Readable.from([Buffer.from('1')]), 10);
    await store.write(Readable.from([Buffer.alloc(9 * 1024 * 1024)]), 2 ** 24);
    await store.removeUnder('u-1/7');
    const judged = judge(server.requests);
    expect(server.requests.map(({ method }) => method)).to.deep.equal([
      'PUT',
      'GET',
      'PUT',
      'POST',
      'PUT',
      'PUT',
      'POST',
      'GET',
      'DELETE',
    ]);
    expect(judged).to.deep.equal(server.requests.map(() => true));
    const forged = server.requests.map((seen) => ({
      ...seen,
      url: seen.url.replace('pictures', 'picture5'),
    }));
    expect(judge(forged)).to.deep.equal(server.requests.map(() => false));
  });

  it('have PUT URLs for a body of one size', async function () {
    needPeer(this, 'botocore');
    const url = await store.sign({ method: 'PUT', key: 'a/b.png', seconds: 300, origin: '', bytes: 5 });
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).to.equal('content-length;host');
    server.requests.length = 0;
    for (const body of ['12345', '123456']) await fetch(url, { method: 'PUT', body });
    expect(judge(server.requests)).to.deep.equal([true, false]);
    await store.removeUnder('a');
  });

  it('are shown with the type of their name, not with the type that the uploader declared', async () => {
    const shown = [];
    for (const key of ['u/7/images/a.png', 'u/7/page.html']) {
      const put = await store.sign({ method: 'PUT', key, seconds: 300, origin: '' });
      await fetch(put, { method: 'PUT', headers: { 'content-type': 'text/html' }, body: '<script>' });
      const { headers } = await fetch(await store.sign({ method: 'GET', key, seconds: 300, origin: '' }));
      shown.push([headers.get('content-type'), headers.get('content-disposition')]);
    }
    expect(shown).to.deep.equal([
      ['image/png', null],
      ['application/octet-stream', 'attachment'],
    ]);
    await store.removeUnder('u');
  });

  it('have PUT URLs without the checksum of an empty body', async () => {
    const url = new URL(await store.sign({ method: 'PUT', key: 'a/b.png', seconds: 300, origin: '' }));
    expect([...url.searchParams.keys()].filter((name) => /checksum/i.test(name))).to.deep.equal([]);
    expect(url.searchParams.get('X-Amz-Expires')).to.equal('300');
    expect(url.searchParams.get('X-Amz-SignedHeaders')).to.equal('host');
  });

  it('are addressed by host name when the endpoint has one, as Tencent COS wants', async () => {
    const cos = openS3Store({ endpoint: 'https://cos.ap-guangzhou.myqcloud.com', ...place, ...key });
    const url = await cos.sign({ method: 'PUT', key: 'u/7/images/a.png', seconds: 300, origin: '' });
    expect(url).to.match(
      /^https:\/\/pictures-1250000000\.cos\.ap-guangzhou\.myqcloud\.com\/u\/7\/images\/a\.png\?/,
    );
    for (const address of [url, url.split('?')[0]!])
      expect(cos.keyOf(address, '')).to.equal('u/7/images/a.png');
    for (const other of [url.replace('pictures', 'others'), 'cos://u/7', ''])
      expect(cos.keyOf(other, '')).to.equal(undefined);
    cos.close();
  });

  it('report a store that fails as unavailable', async function () {
    this.timeout(20_000);
    server.down = true;
    try {
      const error = await store
        .write(Readable.from([Buffer.from('1')]), 10)
        .catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(AppError).with.property('code', 'unavailable');
      expect((error as AppError).message).to.not.include('127.0.0.1');
    } finally {
      server.down = false;
    }
  });
});
