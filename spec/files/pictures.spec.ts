import { expect } from 'chai';
import sharp, { type Sharp } from 'sharp';
import { createPasswords } from '../../lib/accounts/passwords.ts';
import { defaultAvatar, toAvatar } from '../../lib/files/pictures.ts';
import { outcomeOf } from '../support/refusal.ts';

/** Red on the left, blue on the right. */
function halves(width: number, height: number): Sharp {
  const red = { create: { width: width / 2, height, channels: 3 as const, background: '#ff0000' } };
  return sharp({ create: { width, height, channels: 3, background: '#0000ff' } }).composite([
    { input: red, left: 0, top: 0 },
  ]);
}

/** The colour at a place, roughly. */
async function colourAt(picture: Buffer, x: number, y: number): Promise<string> {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  const at = (y * info.width + x) * info.channels;
  return [...data.subarray(at, at + 3)].map((value) => (value > 128 ? '1' : '0')).join('');
}

describe('avatars', () => {
  const described = async (picture: Buffer) => {
    const { format, width, height, exif, icc, xmp, channels } = await sharp(picture).metadata();
    return { format, width, height, exif, icc, xmp, channels };
  };
  const wanted = {
    format: 'jpeg',
    width: 128,
    height: 128,
    exif: undefined,
    icc: undefined,
    xmp: undefined,
    channels: 3,
  };

  for (const format of ['jpeg', 'png', 'gif', 'webp', 'avif'] as const)
    it(`are 128×128 JPEG of any ${format}`, async () => {
      expect(
        await described(await toAvatar(await halves(300, 200).toFormat(format).toBuffer())),
      ).to.deep.equal(wanted);
    });

  it('are turned as the camera’s EXIF data says, and have no EXIF data', async () => {
    const picture = await halves(200, 200)
      .jpeg()
      .withExif({ IFD0: { Copyright: 'somebody', Artist: 'Secret' }, IFD3: { GPSLatitude: '31/1 13/1 0/1' } })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect((await sharp(picture).metadata()).exif).to.be.an.instanceOf(Buffer);
    const avatar = await toAvatar(picture);
    expect(await described(avatar)).to.deep.equal(wanted);
    expect(avatar.includes('Secret')).to.equal(false);
    // Turned by a quarter: what was left is on top.
    expect([await colourAt(avatar, 64, 20), await colourAt(avatar, 64, 108)]).to.deep.equal(['100', '001']);
  });

  it('are made from small, large and transparent pictures', async () => {
    for (const [width, height] of [
      [2, 2],
      [128, 128],
      [4000, 20],
    ] as const)
      expect(await described(await toAvatar(await halves(width, height).png().toBuffer()))).to.deep.equal(
        wanted,
      );
    const nothing = { create: { width: 9, height: 9, channels: 4 as const, background: '#00000000' } };
    expect(await colourAt(await toAvatar(await sharp(nothing).png().toBuffer()), 64, 64)).to.equal('111');
  });

  it('are not made from other files, broken pictures, or pictures with too many pixels', async () => {
    const good = await halves(300, 200).png().toBuffer();
    const huge = await sharp({ create: { width: 8000, height: 5001, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    expect(huge.length).to.be.below(5 * 1024 * 1024);
    for (const [code, bytes] of [
      ['unsupported_media_type', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"></svg>')],
      [
        'unsupported_media_type',
        Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>'),
      ],
      ['unsupported_media_type', Buffer.from('%PDF-1.7')],
      ['unsupported_media_type', Buffer.from('')],
      ['invalid_request', good.subarray(0, good.length / 2)],
      ['invalid_request', huge],
      ['too_large', Buffer.alloc(5 * 1024 * 1024 + 1)],
    ] as const)
      expect(await outcomeOf(toAvatar(bytes))).to.equal(code);
  });

  it('have a default for users without one', async () => {
    expect(await described(await defaultAvatar())).to.deep.equal(wanted);
  });

  it('are made one after the other, so that a password is hashed meanwhile', async function () {
    this.timeout(60_000);
    const noise = await sharp({
      create: { width: 4500, height: 4500, channels: 3, background: '#000000' },
    })
      .png()
      .toBuffer();
    const passwords = createPasswords();
    const finished: string[] = [];
    const note = async (name: string, work: Promise<unknown>): Promise<void> => {
      await work;
      finished.push(name);
    };
    await Promise.all([
      ...Array.from({ length: 11 }, () => note('picture', toAvatar(noise))),
      note('password', passwords.hash('correct horse battery')),
    ]);
    expect(finished.indexOf('password'), 'pictures that were made before the password').to.be.below(10);
  });

  it('are refused when too many of one party wait, and not those of another', async () => {
    const bytes = await halves(300, 200).png().toBuffer();
    const many = Array.from({ length: 60 }, () => outcomeOf(toAvatar(bytes, { party: 'ada' })));
    const other = outcomeOf(toAvatar(bytes, { party: 'bob' }));
    expect(await other).to.equal('nothing was thrown');
    const refused = (await Promise.all(many)).filter((outcome) => outcome === 'too_many_requests');
    expect(refused).to.have.lengthOf(49);
  });
});
