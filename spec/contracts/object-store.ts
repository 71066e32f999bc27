import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { outcomeOf } from '../support/refusal.ts';
import type { ObjectStore } from '../../lib/files/object-store.ts';

/** What the suite needs of a store. */
export interface ObjectStoreUnderTest {
  open(): ObjectStore;
  /** How this server is called where the store's URLs lead to it. */
  origin(): string;
  /** Makes everything that is stored or begun so many ms older. */
  age(ms: number): Promise<void> | void;
  /** How many writes were begun and are not finished. */
  unfinished(): Promise<number> | number;
  /** Begins a write that never finishes. */
  begin(): Promise<void> | void;
}

/** The contract of object stores (lib/files/object-store.ts); every store meets it. */
export function describeObjectStore(name: string, under: ObjectStoreUnderTest): void {
  describe(`the contract of object stores: ${name}`, () => {
    const textOf = async (key: string) => (await buffer(await under.open().read(key))).toString();
    const write = (text: string, named?: string, maxBytes = 1000) =>
      under.open().write(Readable.from([Buffer.from(text)]), maxBytes, named);
    const listed = async (before: number) => {
      const keys: string[] = [];
      for await (const key of under.open().list(before)) keys.push(key);
      return keys;
    };

    it('stores a content under a new key', async () => {
      const stored = await write('hello');
      expect(stored).to.deep.equal({
        key: stored.key,
        bytes: 5,
        md5: '5d41402abc4b2a76b9719d911017c592',
        head: Buffer.from('hello'),
      });
      expect(await textOf(stored.key)).to.equal('hello');
      expect((await write('hello')).key).to.not.equal(stored.key);
      await under.open().remove(stored.key);
      await under.open().remove(stored.key);
      expect(await outcomeOf(under.open().read(stored.key))).to.equal('not_found');
    });

    it('stores a content under a name; the last one stays', async () => {
      expect((await write('one', 'a/b/c.png')).key).to.equal('a/b/c.png');
      await write('the second', 'a/b/c.png');
      expect(await textOf('a/b/c.png')).to.equal('the second');
      expect(await outcomeOf(under.open().read('a/b/d.png'))).to.equal('not_found');
    });

    it('keeps nothing of a content that is too large or breaks off', async () => {
      expect(await outcomeOf(write('12345', 'a/large', 4))).to.equal('too_large');
      const broken = async function* () {
        yield Buffer.from('half');
        throw new Error('it broke');
      };
      await outcomeOf(under.open().write(Readable.from(broken()), 1000, 'a/half'));
      for (const key of ['a/large', 'a/half'])
        expect(await outcomeOf(under.open().read(key)), key).to.equal('not_found');
      expect(await under.unfinished()).to.equal(0);
    });

    it('admits an object up to a size, and removes a larger one', async () => {
      const admit = (key: string, maxBytes: number) => under.open().admit(key, maxBytes);
      await write('12345', 'a/five');
      expect(await admit('a/five', 5)).to.deep.equal({ bytes: 5 });
      expect(await outcomeOf(admit('a/five', 4))).to.equal('too_large');
      for (const key of ['a/five', 'a/never'])
        expect(await outcomeOf(admit(key, 5)), key).to.equal('not_found');
    });

    it('refuses names that lead to other places', async () => {
      for (const bad of [
        'plain',
        '/a/b',
        'a//b',
        'a/../b',
        'a/..',
        './a',
        'a/b c',
        'a/b\0',
        'a/ä',
        `a/${'x'.repeat(600)}`,
      ]) {
        expect(await outcomeOf(write('x', bad)), bad).to.equal('invalid_request');
        if (bad.includes('/')) {
          const signing = async () => under.open().sign({ method: 'PUT', key: bad, seconds: 1, origin: '' });
          expect(await outcomeOf(signing()), bad).to.equal('invalid_request');
        }
      }
    });

    it('removes the objects under a name, and nothing beside it', async () => {
      for (const named of ['p/1/a', 'p/1/b', 'p/1/c/d', 'p/12/a']) await write(named, named);
      await under.open().removeUnder('p/1');
      await under.open().removeUnder('p/nothing');
      for (const gone of ['p/1/a', 'p/1/b', 'p/1/c/d'])
        expect(await outcomeOf(under.open().read(gone))).to.equal('not_found');
      expect(await textOf('p/12/a')).to.equal('p/12/a');
    });

    it('lists old objects without a name, and removes unfinished writes', async () => {
      const keys = [await write('1'), await write('2'), await write('3')].map(({ key }) => key);
      await write('x', 'named/one');
      const hour = 3_600_000;
      expect(await listed(Date.now() - hour)).to.deep.equal([]);
      await under.begin();
      await under.open().tidy(Date.now() - hour);
      expect(await under.unfinished()).to.equal(1);
      await under.age(2 * hour);
      expect(await listed(Date.now() - hour))
        .to.include.members(keys)
        .and.not.include('named/one');
      await under.open().tidy(Date.now() - hour);
      expect(await under.unfinished()).to.equal(0);
    });

    it('recognises the addresses of its objects, with and without their query', async () => {
      const store = under.open();
      for (const method of ['PUT', 'GET'] as const) {
        const url = await store.sign({ method, key: 'a/b.png', seconds: 60, origin: under.origin() });
        expect(new URL(url).pathname).to.match(/\/a\/b\.png$/);
        const { origin, pathname } = new URL(url);
        for (const address of [url, origin + pathname, `${origin}${pathname}?v=2`])
          expect(store.keyOf(address, under.origin()), address).to.equal('a/b.png');
      }
      for (const other of ['', 'a/b.png', 'https://example.com/a/b.png?signature=1'])
        expect(store.keyOf(other, under.origin())).to.equal(undefined);
    });
  });
}
