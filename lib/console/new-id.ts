const UUID_BYTES = 16;

/**
 * A random UUID of version 4 [RFC 9562 5.4]. `crypto.randomUUID` is for `https:` and this machine only, and the console is also
 * opened by the address of a server in the same network.
 */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(UUID_BYTES));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
