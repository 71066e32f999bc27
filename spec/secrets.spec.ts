import { expect } from 'chai';
import { AppError } from '../lib/errors.ts';
import { blotOwnSecrets, blotSecrets, knowLastingSecrets, knowSecrets, secretsOf } from '../lib/secrets.ts';

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
});
