/** First byte of a frame: a text, and the last of its message [RFC 6455 5.2]. */
const TEXT_FIN = 0x81;
/** A larger payload has its length in the 16 bits that follow this marker. */
const LENGTH_16 = 126;
/** A still larger one has its length in 64 bits. */
const LENGTH_64 = 127;
const MAX_16 = 0xffff;

/** Complete unmasked text frames, one after the other in one buffer, ready for any server socket [RFC 6455 5.2]. */
export function encodeFrames(texts: readonly string[]): Buffer {
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const total = sizes.reduce((sum, size) => sum + size + headSize(size), 0);
  const buffer = Buffer.allocUnsafe(total);
  let at = 0;
  texts.forEach((text, index) => {
    const size = sizes[index]!;
    buffer[at++] = TEXT_FIN;
    if (size < LENGTH_16) {
      buffer[at++] = size;
    } else if (size <= MAX_16) {
      buffer[at++] = LENGTH_16;
      at = buffer.writeUInt16BE(size, at);
    } else {
      buffer[at++] = LENGTH_64;
      at = buffer.writeUInt16BE(0, at);
      at = buffer.writeUIntBE(size, at, 6);
    }
    at += buffer.write(text, at, size, 'utf8');
  });
  return buffer;
}

function headSize(size: number): number {
  if (size < LENGTH_16) return 2;
  return size <= MAX_16 ? 4 : 10;
}
