import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { isAddressRange, isLoopbackHost } from './common/addresses.ts';

/** A parser for one of these words, in any case. */
export function oneOf<const T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text.toLowerCase());
    if (found === undefined) throw new RangeError(`"${text}" is none of ${choices.join(', ')}`);
    return found;
  };
}

/** A parser for a comma list. */
export function commaList<T>(parse: (text: string) => T): (text: string) => T[] {
  return (text) => text.split(',').flatMap((part) => (part.trim() === '' ? [] : [parse(part.trim())]));
}

/** A whole number in a range. */
export function parseCount(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new RangeError(`"${text}" is not a whole number from ${least} to ${most}`);
  }
  return value;
}

/** `1` or `true`, `0` or `false`. */
export function parseSwitch(text: string): boolean {
  return oneOf(['1', 'true', '0', 'false'])(text).match(/^(1|true)$/) !== null;
}

/** A name or address to listen on. */
export function parseHost(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_-]+)*\.?$/i.test(host)) {
    throw new RangeError(`"${text}" is neither a host name nor an address`);
  }
  return host;
}

/** A token that fits into a header and into a list of subprotocols. */
export function parseToken(text: string): string {
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(text)) {
    throw new RangeError('has characters other than letters, digits and signs without space and comma');
  }
  return text;
}

/** A secret that encrypts others, of at least 16 characters. */
export function parseSecret(text: string): string {
  if (text.length < 16) throw new RangeError('is too short to keep a secret: at least 16 characters');
  return text;
}

/** The least length of a fixed secret where other machines can try it. */
const FIXED_SECRET_MIN_LENGTH = 32;

/**
 * The setting that lets other machines in; undefined where none does. A server on loopback is reached through a proxy: PUBLIC_URL says
 * whether the proxy is for others. Without PUBLIC_URL a trusted proxy counts as one for others.
 */
export function openerOf({
  host,
  publicUrl,
  trustedProxies,
}: {
  host: string;
  publicUrl: string | undefined;
  trustedProxies: readonly string[];
}): string | undefined {
  if (!isLoopbackHost(host)) return `HOST=${host}`;
  if (publicUrl !== undefined) return isLoopbackHost(new URL(publicUrl).hostname) ? undefined : 'PUBLIC_URL';
  return trustedProxies.length > 0 ? 'TRUSTED_PROXIES' : undefined;
}

/** The faults of fixed secrets that are too short where other machines can try them; `opener` is the setting that lets them in. */
export function weakSecretFaults(
  secrets: Readonly<Record<string, string | undefined>>,
  opener: string | undefined,
): { pointer: string; detail: string }[] {
  if (opener === undefined) return [];
  const detail = `is too short for ${opener}, where others can guess it: at least ${FIXED_SECRET_MIN_LENGTH} characters, e.g. of \`openssl rand -hex 32\``;
  const weak = Object.entries(secrets).filter(
    ([, secret]) => secret !== undefined && secret.length < FIXED_SECRET_MIN_LENGTH,
  );
  return weak.map(([name]) => ({ pointer: `/${name}`, detail }));
}

/** A secret for HS256: at least 32 bytes [RFC 7518 3.2], and not the same few characters again and again. */
export function parseSigningSecret(text: string): string {
  if (text.length < 32 || new Set(text).size < 10) {
    throw new RangeError(
      'is too weak to sign with: at least 32 random characters, e.g. of `openssl rand -hex 32`',
    );
  }
  return text;
}

/** An http(s) URL without a final slash. An error never shows the text, because a URL may hold a password. */
export function parseUrl(text: string): string {
  if (!/^https?:\/\/[^/?#\s]/i.test(text) || !URL.canParse(text))
    throw new RangeError('is not an http(s) URL');
  return text.replace(/\/+$/, '');
}

/** A URL for a browser. It stays unchanged, because it is compared character by character. */
export function parseReturnUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text) || !URL.canParse(text) || /^javascript:/i.test(text))
    throw new RangeError(`"${text}" is not a URL such as https://panel.example/signed-in`);
  return text;
}

/** An origin, as browsers send it. */
export function parseOrigin(text: string): string {
  const url =
    /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+\/?$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    throw new RangeError(`"${text}" is not an origin such as https://panel.example:8443`);
  // `URL` knows origins of http and the like only. Apps and extensions have origins of other schemes.
  return url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin;
}

/** A DATABASE_URL, its file absolute. */
export function parseDatabaseUrl(text: string, cwd: string): string {
  if (text === 'sqlite::memory:') return text;
  if (/^sqlite:[^:]/i.test(text)) return `sqlite:${resolve(cwd, text.slice('sqlite:'.length))}`;
  if (/^postgres(ql)?:\/\//i.test(text) && URL.canParse(text)) return text;
  throw new RangeError(
    'is none of sqlite:<file>, sqlite::memory: and postgres://user:password@host:port/name',
  );
}

/** An IP address, or a CIDR range whose prefix fits its family. */
export function parseNetwork(text: string): string {
  if (!isAddressRange(text)) throw new RangeError(`"${text}" is neither an address nor a CIDR`);
  return text;
}

/** host, host:port, [IPv6]:port or CIDR, as the egress rules read them. */
export function parsePlace(text: string): string {
  if (text.includes('/') && !text.includes('//')) return parseNetwork(text);
  const [, bracketed, name = '', port] = /^(?:\[([^\]]*)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const known =
    isIP(text) === 6 || (bracketed === undefined ? /^[a-z0-9_.*-]+$/i.test(name) : isIP(bracketed) === 6);
  if (!known || Number(port ?? 0) > 65_535) {
    throw new RangeError(`"${text}" is none of host, host:port and CIDR (no scheme, no path)`);
  }
  return text;
}

/** `name=value,other=value`, the values percent-encoded [OpenTelemetry: OTLP exporter]. An error never shows a value. */
export function parseHeaders(text: string): Record<string, string> {
  const headers = commaList((part) => {
    const [, name = '', value = ''] = /^([\w-]+)\s*=\s*(.*)$/.exec(part) ?? [];
    if (name === '') throw new RangeError('is no list such as name=value,other=value');
    return [name, decodeURIComponent(value)] as const;
  })(text);
  return Object.fromEntries(headers);
}

/** `name=3,other=4`: whole numbers by name. */
export function parseRates(text: string): Record<string, number> {
  const rates = commaList((part) => {
    const [, name = '', rate = ''] = /^([^=\s]+)=(\d{1,9})$/.exec(part) ?? [];
    if (name === '') throw new RangeError(`"${part}" is not a model's name and its rate, e.g. qwen-max=60`);
    return [name, Number(rate)] as const;
  })(text);
  return Object.fromEntries(rates);
}

/** Whether the setting of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return /(?:key|secret|token|_headers)$/i.test(name);
}

/** A text without the password and the query, if it is a URL. */
export function withoutUrlSecrets(text: string): string {
  if (!/^[a-z]+:\/\//i.test(text)) return text;
  return text.replace(/\/\/[^/@]*@/, '//[secret]@').replace(/\?.*$/, '?[secret]');
}
