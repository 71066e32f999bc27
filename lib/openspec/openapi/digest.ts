import { createHash, randomBytes } from 'node:crypto';

/** The Authorization header that answers a digest challenge [RFC 7616]; undefined for one that cannot be answered. */
export function digestAnswer(
  challenge: string,
  request: { method: string; path: string },
  user: { username: string; password: string },
  clientNonce = randomBytes(8).toString('hex'),
): string | undefined {
  const parts = challengeParts(challenge);
  const { realm = '', nonce, opaque, algorithm = 'MD5' } = parts;
  const hashName = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' }[
    algorithm.replace(/-sess$/i, '').toUpperCase()
  ];
  if (nonce === undefined || hashName === undefined) return undefined;
  const offered = parts['qop']?.split(',').map((one) => one.trim());
  // `auth-int` alone would need a hash of the body.
  if (offered !== undefined && !offered.includes('auth')) return undefined;

  const hash = (text: string) => createHash(hashName).update(text).digest('hex');
  // Each challenge is answered once: the next call begins without an answer again.
  const count = '00000001';
  const secret = hash(`${user.username}:${realm}:${user.password}`);
  // The names of RFC 7616 3.4.2 and 3.4.3: `first` is H(A1), `second` is H(A2).
  const first = /-sess$/i.test(algorithm) ? hash(`${secret}:${nonce}:${clientNonce}`) : secret;
  const second = hash(`${request.method}:${request.path}`);
  const middle = offered === undefined ? nonce : `${nonce}:${count}:${clientNonce}:auth`;
  const fields = [
    `username="${user.username.replace(/["\\]/g, '\\$&')}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${request.path}"`,
    `response="${hash(`${first}:${middle}:${second}`)}"`,
    `algorithm=${algorithm}`,
  ];
  if (opaque !== undefined) fields.push(`opaque="${opaque}"`);
  if (offered !== undefined) fields.push('qop=auth', `nc=${count}`, `cnonce="${clientNonce}"`);
  return `Digest ${fields.join(', ')}`;
}

/** The fields of the Digest challenge; another scheme may stand before or after it in the same header. */
function challengeParts(challenge: string): Record<string, string> {
  const parts: Record<string, string> = {};
  const start = /\bDigest\s+/i.exec(challenge);
  if (start === null) return parts;
  const text = challenge.slice(start.index + start[0].length);
  for (const [, name = '', quotedText, token] of text.matchAll(
    /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g,
  )) {
    parts[name.toLowerCase()] ??= quotedText ?? token ?? '';
  }
  return parts;
}
