import { expect } from 'chai';
import { decodeText } from '../../lib/drivers/decode-text.ts';

describe('drivers: text from outside', () => {
  const mark = '\uFEFF';
  for (const [title, bytes, charset] of [
    ['UTF-8', Buffer.from('{"t":"°"}'), undefined],
    ['UTF-8 with a mark', Buffer.from(`${mark}{"t":"°"}`), undefined],
    ['UTF-8 with a mark and a wrong charset', Buffer.from(`${mark}{"t":"°"}`), 'iso-8859-1'],
    ['UTF-16, little end first', Buffer.from(`${mark}{"t":"°"}`, 'utf16le'), undefined],
    ['UTF-16, big end first', Buffer.from(`${mark}{"t":"°"}`, 'utf16le').swap16(), 'utf-8'],
    ['Latin-1 without a word', Buffer.from('{"t":"°"}', 'latin1'), undefined],
    ['Latin-1 with an unknown charset', Buffer.from('{"t":"°"}', 'latin1'), 'none-such'],
  ] as const) {
    it(`is read in ${title}`, () => {
      expect(decodeText(bytes, charset)).to.equal('{"t":"°"}');
    });
  }

  it('loses one mark only, and none inside', () => {
    expect(decodeText(Buffer.from(`${mark}${mark}a${mark}`)).length).to.equal(3);
    expect(decodeText(Buffer.from('a'))).to.equal('a');
    expect(decodeText(Buffer.alloc(0))).to.equal('');
  });
});
