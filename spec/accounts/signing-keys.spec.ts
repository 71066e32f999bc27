import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSigningKeys, type SigningKeys } from '../../lib/accounts/signing-keys.ts';
import { AppError } from '../../lib/errors.ts';

describe('signing keys', () => {
  let dataDir: string;
  beforeEach(() => (dataDir = join(mkdtempSync(join(tmpdir(), 'keys-')), 'data')));
  afterEach(() => rmSync(join(dataDir, '..'), { recursive: true }));

  const open = (secrets: string[] = [], inMemory = false): SigningKeys =>
    loadSigningKeys({ secrets, dataDir, inMemory });
  const kids = ({ all }: SigningKeys) => all.map(({ kid }) => kid);
  const secret = 'one-secret-0123456789-abcdefghijklmnop';
  const other = 'two-secret-0123456789-abcdefghijklmnop';

  it('are made at the first start, readable by their owner only, and read at the next', () => {
    const first = open();
    const file = join(dataDir, 'jwt.keys');
    expect(readdirSync(dataDir)).to.deep.equal(['jwt.keys']);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(readFileSync(file, 'utf8')).to.equal(`${first.current.secret}\n`);
    expect(first.current.secret).to.have.length(64);
    expect(kids(open())).to.deep.equal(kids(first));
  });

  it('are all keys of the file; the first signs', () => {
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'jwt.keys'), `${secret}\n${other}\n`, { mode: 0o644 });
    const keys = open();
    expect(keys.all.map((key) => key.secret)).to.deep.equal([secret, other]);
    expect(keys.current.secret).to.equal(secret);
    expect(statSync(join(dataDir, 'jwt.keys')).mode & 0o777).to.equal(0o600);
  });

  it('come from JWT_SECRET when it is set, and leave no file', () => {
    expect(open([secret]).current.secret).to.equal(secret);
    expect(() => readdirSync(dataDir)).to.throw('ENOENT');
  });

  it('are not stored when the database is in memory', () => {
    expect(kids(open([], true))).not.to.deep.equal(kids(open([], true)));
    expect(() => readdirSync(dataDir)).to.throw('ENOENT');
  });

  it('refuse a file that holds no key, or a weak one', () => {
    mkdirSync(dataDir);
    for (const text of ['', 'weak\n', `${secret}\nweak\n`]) {
      writeFileSync(join(dataDir, 'jwt.keys'), text);
      expect(() => open()).to.throw(AppError, 'holds no key, or a key of less than 32 characters');
    }
    rmSync(join(dataDir, 'jwt.keys'));
    mkdirSync(join(dataDir, 'jwt.keys'));
    expect(() => open()).to.throw(AppError, 'cannot be read or made');
    expect(readdirSync(dataDir)).to.deep.equal(['jwt.keys']);
  });

  it('give each purpose a digest of its own, which reveals no secret', () => {
    const { current } = open([secret]);
    const purposes = ['refresh', 'code', 'state', 'verifier', 'nonce', 'failure'] as const;
    const digests = purposes.map((purpose) => current.digest(purpose, 'text'));
    expect(new Set(digests).size).to.equal(6);
    for (const digest of digests) expect(digest).to.match(/^[\w-]{43}$/);
    expect(purposes.map((purpose) => current.digest(purpose, 'text'))).to.deep.equal(digests);
    expect(kids(open([other]))).not.to.deep.equal([current.kid]);
  });
});
