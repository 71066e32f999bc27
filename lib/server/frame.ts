const TEXT_FIN = 0x81;

/** Complete unmasked text frames, one after the other in one buffer, ready for any server socket [RFC 6455 5.2]. */
export function encodeFrames(texts: readonly string[]): Buffer {
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const total = sizes.reduce((sum, size) => sum + size + headSize(size), 0);
  const buffer = Buffer.allocUnsafe(total);
  let at = 0;
  texts.forEach((text, index) => {
    const size = sizes[index]!;
    buffer[at++] = TEXT_FIN;
    if (size < 126) {
      buffer[at++] = size;
    } else if (size < 65_536) {
      buffer[at++] = 126;
      at = buffer.writeUInt16BE(size, at);
    } else {
      buffer[at++] = 127;
      at = buffer.writeUInt16BE(0, at);
      at = buffer.writeUIntBE(size, at, 6);
    }
    at += buffer.write(text, at, size, 'utf8');
  });
  return buffer;
}

function headSize(size: number): number {
  if (size < 126) return 2;
  return size < 65_536 ? 4 : 10;
}
