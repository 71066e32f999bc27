/**
 * The secrets that this process knows: keys of the settings, of model endpoints and of devices. Every text that is logged or told
 * in an error goes through `blotSecrets`, so that it does not matter who echoes a key, and which form the key has. There is one
 * table for the process, because there is one log.
 */

/** A shorter secret may be a common word. To blot it out everywhere would hide the words of others. */
const SECRET_MIN_LENGTH = 8;
/** In texts of the connection that the secret belongs to, shorter ones are blotted out, too. */
const OWN_SECRET_MIN_LENGTH = 6;
/** So many secrets of sessions are known at a time, those that were used last. A search for all of them takes some 30 µs a line. */
const SESSION_SECRETS_MAX_COUNT = 1_000;
const BLOT = '[secret]';

/** The secrets of the settings, each with its forms. They are known as long as the process runs. */
const lasting = new Map<string, readonly string[]>();
/** The secrets of sessions, the one that was used last at the end. */
const ofSessions = new Map<string, readonly string[]>();

/** Makes secrets of the settings known, for as long as the process runs. Missing and short ones are passed over. */
export function knowLastingSecrets(secrets: readonly (string | undefined)[]): void {
  for (const secret of secrets) if (isLong(secret)) lasting.set(secret, formsOf(secret));
}

/** Makes secrets of a session known. A session that goes on calls it again whenever it uses them. */
export function knowSecrets(secrets: readonly (string | undefined)[]): void {
  for (const secret of secrets) {
    if (!isLong(secret)) continue;
    const forms = ofSessions.get(secret) ?? formsOf(secret);
    ofSessions.delete(secret); // to the end of the map, which keeps the order of use
    ofSessions.set(secret, forms);
  }
  for (const [oldest] of ofSessions) {
    if (ofSessions.size <= SESSION_SECRETS_MAX_COUNT) break;
    ofSessions.delete(oldest);
  }
}

/** The text without any known secret. */
export function blotSecrets(text: string): string {
  if (text.length < SECRET_MIN_LENGTH) return text;
  let clean = text;
  for (const known of [lasting, ofSessions])
    for (const forms of known.values()) clean = blotForms(clean, forms);
  return clean;
}

/** A JSON value without the secrets of its own connection, in every text of it: what a device answered. */
export function blotOwnSecrets<T>(value: T, secrets: readonly string[]): T {
  const forms = secrets.filter(({ length }) => length >= OWN_SECRET_MIN_LENGTH).flatMap(formsOf);
  return forms.length === 0 ? value : (blotValue(value, forms) as T);
}

/** The secrets of a connection to a device, each as it is known and as it is sent. */
export function secretsOf({ apiKey, credentials = {} }: SecretHolder): string[] {
  const texts = [apiKey?.apiKey, ...Object.values(credentials)].flatMap((credential) => {
    if (credential === undefined) return [];
    if (typeof credential === 'string') return [credential, ...passwordIn(credential)];
    if ('password' in credential)
      return [credential.password, `${credential.username}:${credential.password}`];
    return [credential.clientSecret, `${credential.clientId}:${credential.clientSecret}`];
  });
  return [...new Set(texts)];
}

/** The secret part of a connection (core/tool.ts, `Connection`), which this file, below all others, does not import. */
interface SecretHolder {
  apiKey?: { apiKey: string };
  credentials?: Record<
    string,
    string | { username: string; password: string } | { clientId: string; clientSecret: string }
  >;
}

/** The password in `user:password`, which Basic authentication takes as one text [RFC 7617 2]. */
function passwordIn(text: string): string[] {
  const at = text.indexOf(':');
  return at < 0 ? [] : [text.slice(at + 1)];
}

function isLong(secret: string | undefined): secret is string {
  return secret !== undefined && secret.length >= SECRET_MIN_LENGTH;
}

/** A secret as it appears in texts: as it is, in a URL, in JSON, and in base64, as Basic authentication sends it. */
function formsOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString('base64');
  const forms = [
    secret,
    encodeURIComponent(Buffer.from(secret).toString()), // a half of a surrogate pair would throw,
    JSON.stringify(secret).slice(1, -1),
    base64,
    base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''),
  ];
  // The longest first: a shorter form may be a part of it.
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

function blotForms(text: string, forms: readonly string[]): string {
  let clean = text;
  for (const form of forms) if (clean.includes(form)) clean = clean.replaceAll(form, BLOT);
  return clean;
}

/** A copy where a text had one of the forms; otherwise the same value. */
function blotValue(value: unknown, forms: readonly string[]): unknown {
  if (typeof value === 'string') return blotForms(value, forms);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => blotValue(item, forms));
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([name, item]) => [blotForms(name, forms), blotValue(item, forms)]));
}
