import { expect } from 'chai';
import { AppError } from '../lib/errors.ts';
import {
  blotOwnSecrets,
  blotSecrets,
  createSecretStream,
  knowLastingSecrets,
  knowSecrets,
  secretsInUrl,
  secretsOf,
} from '../lib/secrets.ts';

describe('known secrets', () => {
  const key = 'K4/+"é of the spec=';
  const base64 = Buffer.from(key).toString('base64');

  it('are blotted out in every form', () => {
    expect(blotSecrets(`a ${key} b`)).to.equal(`a ${key} b`);
    knowSecrets([key, undefined, 'short']);
    for (const form of [
      key,
      encodeURIComponent(key),
      JSON.stringify(key).slice(1, -1),
      base64,
      Buffer.from(key).toString('base64url'),
    ])
      expect(blotSecrets(`a ${form}, ${form}b short`)).to.equal('a [secret], [secret]b short');
  });

  it('are blotted out where they are codes in a row, with the row', () => {
    const bytes = [...Buffer.from(key)];
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0'));
    knowSecrets([key]);
    for (const row of [
      bytes.join(','),
      JSON.stringify([1, ...bytes, 2], undefined, 12)
        .slice(1, -1)
        .trim(),
      `0x${hex.join(', 0x')}`,
      hex.join(':').toUpperCase(),
      `u00${hex.join('\\u00')}`,
      hex.join('%'),
      bytes.join(';&#'),
      `x${hex.join(';&#x')}`,
    ])
      for (const clean of [blotSecrets(`n [${row}] n`), blotOwnSecrets(`n [${row}] n`, [key])])
        expect(clean, row).to.equal('n [[secret]] n');
    const buffer = { type: 'Buffer', data: [1, ...bytes, 2] };
    expect(blotOwnSecrets(buffer, [key])).to.deep.equal({ type: 'Buffer', data: ['[secret]'] });
    const long = 'ab'.repeat(5000);
    expect(blotOwnSecrets([...Buffer.from(long)].join(), [long])).to.equal('[secret]');
    for (const list of [bytes.map((byte) => byte + 1), bytes.slice(1), [2026, 11, 29, 21, 41, 19, 303]])
      expect(blotOwnSecrets([list, list.join()], [key])).to.deep.equal([list, list.join()]);
  });

  it('are blotted out in any case of their letters, unless they are short enough to be a word of others', () => {
    const long = 'Key+Of=TheSpec-1';
    const forms = [long.toLowerCase(), long.toUpperCase(), encodeURIComponent(long).toLowerCase()];
    const text = `${forms.join(' ')}, key+of=th…`;
    const clean = '[secret] [secret] [secret], [secret]…';
    expect(blotOwnSecrets(text, [long])).to.equal(clean);
    const stream = createSecretStream([long]);
    expect(Array.from(text, (sign) => stream.push(sign)).join('') + stream.end()).to.equal(clean);
    knowSecrets([long, 'Conveyor-1']);
    expect(blotSecrets(`${forms.join(' ')} conveyor-1 Conveyor-1`)).to.equal(
      '[secret] [secret] [secret] conveyor-1 [secret]',
    );
  });

  it('are blotted out in every error that is told, faults included', () => {
    knowLastingSecrets(['lasting-key-1']);
    const error = new AppError('invalid_request', 'not lasting-key-1!', {
      faults: [{ pointer: '/a', detail: 'is lasting-key-1' }],
    });
    expect([error.message, error.faults[0]?.detail]).to.deep.equal(['not [secret]!', 'is [secret]']);
    expect(error.stack).to.not.contain('lasting-key-1');
  });

  it('of sessions are forgotten when a thousand others were used later; those of the settings are not', () => {
    knowLastingSecrets(['lasting-key-2']);
    knowSecrets(['session-key-1', 'session-key-2']);
    for (let at = 0; at < 999; at++) knowSecrets([`another-key-${at}`, 'session-key-2']);
    expect(blotSecrets('session-key-1 session-key-2 lasting-key-2')).to.equal(
      'session-key-1 [secret] [secret]',
    );
  });

  it('of a connection are known as they are and as they are sent, and are blotted out of its results only', () => {
    const secrets = secretsOf({
      apiKey: { apiKey: 'me:pass-1' },
      credentials: {
        a: 'text-2',
        b: { username: 'u', password: 'pass-3' },
        c: { clientId: 'i', clientSecret: 'client-4' },
      },
    });
    expect(secrets).to.have.members([
      'me:pass-1',
      'pass-1',
      'text-2',
      'pass-3',
      'u:pass-3',
      'client-4',
      'i:client-4',
    ]);
    const basic = Buffer.from('u:pass-3').toString('base64');
    const result = { body: `Basic ${basic}`, list: [{ 'x-text-2': 'pass-1' }], n: 1 };
    expect(blotOwnSecrets(result, secrets)).to.deep.equal({
      body: 'Basic [secret]',
      list: [{ 'x-[secret]': '[secret]' }],
      n: 1,
    });
    expect(blotOwnSecrets(result, [])).to.equal(result);
  });

  it('of a connection are the password in encoded Basic credentials, the form of OAuth, and the values in its addresses, too', () => {
    expect(
      secretsOf({
        apiKey: { apiKey: Buffer.from('me:pass-5').toString('base64') },
        credentials: { a: { clientId: 'my id', clientSecret: 'a b' } },
        server: 'https://host/?token=t-123456',
        openSpec: 'https://u:p%2F12345@host/doc',
      }),
    ).to.deep.equal([
      Buffer.from('me:pass-5').toString('base64'),
      'me:pass-5',
      'pass-5',
      'a b',
      'my id:a b',
      'my+id:a+b',
      't-123456',
      'p/12345',
    ]);
    expect([undefined, 'no URL', 'https://host/?a=short'].map(secretsInUrl)).to.deep.equal([[], [], []]);
  });

  it('are blotted out where a text was cut in the middle of one', () => {
    const cut = 'the key is K4/+"é o\n[cut: the whole body has 9 bytes], and K4/…';
    expect(blotOwnSecrets(cut, [key])).to.equal(
      'the key is [secret]\n[cut: the whole body has 9 bytes], and K4/…',
    );
  });

  it('are blotted out of a text that comes in pieces, wherever it is cut', () => {
    const text = `a ${key} K4/+ b ${encodeURIComponent(key)} K4`;
    for (let at = 1; at < text.length; at++) {
      const stream = createSecretStream([key]);
      const pieces = [stream.push(text.slice(0, at)), stream.push(text.slice(at)), stream.end()];
      expect(pieces.join('')).to.equal('a [secret] K4/+ b [secret] K4');
    }
  });

  it('that are short are blotted out as words of their own, and never out of other words', () => {
    knowSecrets(['482913', 'switch']);
    expect(blotSecrets('pin 482913, part 14829137, switch')).to.equal('pin [secret], part 14829137, switch');
    expect(blotOwnSecrets({ pin: 482913, other: 4829130 }, ['482913'])).to.deep.equal({
      pin: '[secret]',
      other: 4829130,
    });
  });

  it('of white space or padding are none', () => {
    for (const nothing of ['        ', '========', '\n\n\n\n\n\n\n\n'])
      expect(blotOwnSecrets(`a ${nothing} b`, [nothing])).to.equal(`a ${nothing} b`);
  });

  it('of any signs are searched for in a time that grows with the text alone', () => {
    const secrets = [
      '\\'.repeat(60),
      '"\\'.repeat(30),
      '\n\\'.repeat(30),
      '%25'.repeat(20),
      '&amp;'.repeat(12),
    ];
    for (const secret of secrets) {
      const hard = `${secret.slice(0, -1).repeat(1_000)}x`.repeat(2).slice(0, 64 * 1024);
      const startedAt = performance.now();
      blotOwnSecrets(hard, [secret]);
      expect(performance.now() - startedAt, secret).to.be.below(1_000);
    }
  });

  it('of one sign all over are blotted out before a cut in a time that does not grow with their square', () => {
    const secret = 'a'.repeat(1_000);
    const cut = '…'.repeat(20);
    const startedAt = performance.now();
    const clean = blotOwnSecrets(`${secret.slice(1)}b`.repeat(8) + cut, [secret]);
    expect(performance.now() - startedAt).to.be.below(1_000);
    expect(clean).to.equal(`[secret]${cut}`);
  });

  it('are blotted out before each of many cuts', () => {
    const cuts = 'the key is K4/+"é o…, '.repeat(3);
    expect(blotOwnSecrets(cuts, [key])).to.equal('the key is [secret]…, '.repeat(3));
  });
});
