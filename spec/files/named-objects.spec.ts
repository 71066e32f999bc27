import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDiskStore } from '../../lib/files/disk-store.ts';
import { createUrlSigner } from '../../lib/files/url-signer.ts';
import { describeObjectStore } from '../contracts/object-store.ts';
import { createTestClock } from '../support/test-clock.ts';

describe('objects on the disk', () => {
  const signer = createUrlSigner('a secret for specs');
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-objects-'));
  });
  after(() => rm(folder, { recursive: true }));

  describeObjectStore('disk', {
    open: () => openDiskStore(folder, signer),
    origin: () => 'http://127.0.0.1:9527',
    async age(ms) {
      const old = new Date(Date.now() - ms);
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
        if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), old, old);
    },
    unfinished: async () => (await readdir(join(folder, 'unfinished'))).length,
    begin: () => writeFile(join(folder, 'unfinished', 'begun'), 'half'),
  });
});

describe('a URL that this server signs', () => {
  let time = Date.parse('2026-01-01T00:00:00Z');
  const clock = createTestClock(() => time);
  const signer = createUrlSigner('a secret for specs', clock);
  const signed = (method: 'GET' | 'PUT', key = 'a/b.png') =>
    new URL(signer.sign({ method, key, seconds: 300, origin: 'https://agent.example' }));

  it('names the key and its expiry', () => {
    const url = signed('PUT');
    expect([url.origin, url.pathname]).to.deep.equal(['https://agent.example', '/api/v1/objects/a/b.png']);
    expect(url.searchParams.get('expires')).to.equal(String(time / 1000 + 300));
    expect(url.searchParams.get('signature')).to.match(/^[\w-]{43}$/);
  });

  it('allows its method and key until it expires, under its secret', () => {
    const { searchParams } = signed('PUT');
    expect(signer.allows('PUT', 'a/b.png', searchParams)).to.equal(true);
    expect(signer.allows('GET', 'a/b.png', searchParams)).to.equal(false);
    expect(signer.allows('PUT', 'a/c.png', searchParams)).to.equal(false);
    const later = new URLSearchParams(searchParams);
    later.set('expires', '9999999999');
    expect(signer.allows('PUT', 'a/b.png', later)).to.equal(false);
    expect(signer.allows('PUT', 'a/b.png', new URLSearchParams())).to.equal(false);
    expect(createUrlSigner('another', clock).allows('PUT', 'a/b.png', searchParams)).to.equal(false);
    time += 299_999;
    expect(signer.allows('PUT', 'a/b.png', searchParams)).to.equal(true);
    time += 1;
    expect(signer.allows('PUT', 'a/b.png', searchParams)).to.equal(false);
  });

  it('is recognised after it has expired', () => {
    const url = signed('PUT').href;
    time += 3_600_000;
    const elsewhere = 'https://other.example';
    expect(signer.keyOf(url, elsewhere)).to.equal('a/b.png');
    expect(signer.keyOf(url.replace('b.png', 'c.png'), elsewhere)).to.equal(undefined);
    expect(signer.keyOf(url.split('?')[0]!, elsewhere)).to.equal(undefined);
    expect(signer.keyOf('/api/v1/objects/a', elsewhere)).to.equal(undefined);
  });

  it('is recognised without its query at the origin of the server, also at the path of earlier releases', () => {
    const { origin, pathname } = signed('PUT');
    for (const path of [pathname, '/objects/a/b.png'])
      expect(signer.keyOf(`${origin}${path}`, origin)).to.equal('a/b.png');
  });
});
