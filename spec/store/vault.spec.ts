import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createVault } from '../../lib/store/vault.ts';
import { startWatchdog } from '../support/loop-watchdog.ts';
import { refusalOf } from '../support/refusal.ts';

describe('the vault', () => {
  const vault = createVault('a secret of the server');
  const large = {
    apiKey: 'key-0123456789',
    documents: Array.from({ length: 2000 }, (_, at) => ({ at, text: `"${'größer 🙂\n'.repeat(60)}` })),
  };

  it('gives back a text, and seals it in another way each time', () => {
    const [one, other] = [vault.seal('größer'), vault.seal('größer')];
    expect([vault.open(one), vault.open(other), one === other]).to.deep.equal(['größer', 'größer', false]);
  });

  for (const [name, value] of [
    ['a small value', { a: [1, 'größer', null] }],
    ['a large value', large],
    ['a long text', '🙂"\\\n'.repeat(200_000)],
  ] as const)
    it(`gives back ${name} and the length of its JSON text`, async () => {
      const { length } = JSON.stringify(value);
      const { sealed, length: told } = await vault.sealValue(value);
      expect(await vault.openValue(sealed)).to.deep.equal({ value, length });
      expect([told, sealed.includes('key-0123456789')]).to.deep.equal([length, false]);
    });

  it('opens a value that was sealed as one text', async () => {
    const text = JSON.stringify(large);
    expect(await vault.openValue(vault.seal(text))).to.deep.equal({ value: large, length: text.length });
  });

  it('refuses a value that was sealed under another secret, and one that was changed', async () => {
    const refused = ['internal', 'A stored configuration was sealed under another SECRET_KEY.'];
    for (const value of [{ a: 1 }, large]) {
      const { sealed } = await vault.sealValue(value);
      const middle = Math.floor(sealed.length / 2);
      const changed = `${sealed.slice(0, middle)}${sealed[middle] === 'A' ? 'B' : 'A'}${sealed.slice(middle + 1)}`;
      for (const [keeper, text] of [
        [createVault('another secret'), sealed],
        [vault, changed],
        [vault, sealed.slice(0, -8)],
        [vault, sealed.slice(0, 8)],
      ] as const) {
        const { code, message } = await refusalOf(keeper.openValue(text));
        expect([code, message]).to.deep.equal(refused);
      }
    }
  });

  it('does not hold the event loop for a value of 10 MB', async () => {
    const wide = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, at) => [`/path/${at}`, 'word '.repeat(200)]),
    );
    const watchdog = startWatchdog();
    try {
      const { sealed } = await vault.sealValue(wide);
      const { heldMs } = watchdog.take();
      expect(heldMs, 'sealing held the event loop').to.be.below(100);
      await vault.openValue(sealed);
      expect(watchdog.take().heldMs, 'opening held the event loop').to.be.below(150);
    } finally {
      watchdog.stop();
    }
  });

  it('refuses a value that takes more than 4 MiB when it is compressed, and takes a real one of 20 MB', async () => {
    const noise = Array.from({ length: 100 }, () => randomBytes(48_000).toString('base64'));
    const { code, message } = await refusalOf(vault.sealValue({ noise }));
    expect([code, message]).to.deep.equal([
      'too_large',
      'The configuration has 6400311 characters that take more than 4194304 bytes when they are compressed. Leave out what no call needs, or give its documents to several sessions or devices.',
    ]);
    const { length } = await vault.sealValue(Array.from({ length: 20 }, () => large));
    expect(length).to.be.above(20_000_000);
  });
});
