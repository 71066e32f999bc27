import { expect } from 'chai';
import { formatOf } from '../../lib/files/format.ts';

describe('the format of a file', () => {
  const littleEndian = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
  const of = async (head: Buffer, name: string) => (await formatOf(head, name)).mime;

  it('is that of a text in UTF-16 with its mark: the mark looks like the frame of an MP3', async () => {
    expect(await of(littleEndian('Größe;1\r\n'), 'sizes.csv')).to.equal('text/csv');
    expect(await of(littleEndian('Größe;1\r\n').swap16(), 'sizes.csv')).to.equal('text/csv');
    expect(await of(littleEndian('你好 💡'), 'note')).to.equal('text/plain');
    const cut = littleEndian('cut 💡').subarray(0, -1);
    expect(await of(cut, 'cut.md')).to.equal('text/markdown');
  });

  it('is not that of a text where the mark is followed by other bytes', async () => {
    const sound = Buffer.from([0xff, 0xfb, 0x90, 0x44, 0, 0, 0, 0]);
    expect(await of(sound, 'a.txt')).to.equal('audio/mpeg');
    const halves = Buffer.from([0xff, 0xfe, 0x00, 0xdc, 0x00, 0xdc, 0x00, 0x00]);
    expect(await of(halves, 'a.txt')).to.not.equal('text/plain');
  });
});
