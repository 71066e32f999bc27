import { createFairGate, type FairGateLimits, type FairTurn } from '../common/fair-gate.ts';
import { AppError } from '../errors.ts';
import { isPictureType } from './picture-types.ts';

/** The accepted types of pictures, found by their bytes, never by their name. */
const types = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif']);
/** A small file can have so many pixels that it fills the memory. The picture of a good camera has 24 million. */
const PIXELS_MAX_COUNT = 25_000_000;
/** Width and height of an avatar in pixels. */
const SIDE = 128;

/** One at a time: each takes a processor and up to 100 MB, and sign-ins need the same threads. */
const options = {
  atOnce: 1,
  waitingMaxCount: 10,
  allWaitingMaxCount: 50,
  waitMaxMs: 60_000,
  noun: 'pictures',
};
const inTurn = createFairGate(options);

/** Sets the limits of avatars in work. The process has them once, for all its servers. */
export function limitPictures(limits: FairGateLimits): void {
  Object.assign(options, limits);
}

/** The largest picture that is accepted, in bytes. */
export const AVATAR_MAX_BYTES = 5 * 1024 * 1024;

/**
 * A picture as an avatar: exactly 128×128 pixels, JPEG, turned as its EXIF data says, without EXIF data. Rejects with
 * `invalid_request` for a broken picture or more than 25 million pixels, `unsupported_media_type` for other types (also SVG),
 * `too_large` for more than 5 MB, and `too_many_requests` or `unavailable` when too many pictures wait. One picture is made at a time, if no setting says otherwise.
 */
export async function toAvatar(bytes: Uint8Array, turn?: FairTurn): Promise<Buffer> {
  if (bytes.length > AVATAR_MAX_BYTES)
    throw new AppError('too_large', `The picture is larger than ${AVATAR_MAX_BYTES} bytes.`);
  if ((await suffixOfPicture(bytes)) === undefined)
    throw new AppError('unsupported_media_type', 'A picture is JPEG, PNG, GIF, WebP or AVIF.');
  return inTurn(() => shrink(bytes), turn);
}

/** Makes the avatar. libvips works in one thread then, besides the one of the pool that waits for it. */
async function shrink(bytes: Uint8Array): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  sharp.concurrency(1);
  try {
    return await sharp(bytes, { limitInputPixels: PIXELS_MAX_COUNT, failOn: 'error', pages: 1 })
      .rotate()
      .resize(SIDE, SIDE, { fit: 'cover' })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .jpeg({ quality: 85 })
      .toBuffer();
  } catch (cause) {
    throw new AppError(
      'invalid_request',
      `The picture is broken, or has more than ${PIXELS_MAX_COUNT} pixels.`,
      { cause },
    );
  }
}

/** The suffix for the bytes of a picture; undefined when the bytes are no picture. */
export async function suffixOfPicture(bytes: Uint8Array): Promise<string | undefined> {
  const { fileTypeFromBuffer } = await import('file-type');
  const type = await fileTypeFromBuffer(bytes);
  return type && types.has(type.mime) ? type.ext : undefined;
}

/** The media type of a picture that may be uploaded, by its first bytes; undefined when the bytes are no picture. */
export async function pictureTypeOf(bytes: Uint8Array): Promise<string | undefined> {
  const { fileTypeFromBuffer } = await import('file-type');
  const type = await fileTypeFromBuffer(bytes);
  return type && isPictureType(type.mime) ? type.mime : undefined;
}

/** The avatar of a user without one: a grey square. */
export async function defaultAvatar(): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  return sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#c8ccd4' } })
    .jpeg()
    .toBuffer();
}
