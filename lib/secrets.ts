import { LRUCache } from 'lru-cache';
import { blotCodes, secretFormsOf, type SecretForms } from './secret-forms.ts';

/**
 * The secrets that this process knows: keys of the settings, of model endpoints and of devices. Every text that is logged or told
 * in an error goes through `blotSecrets`, so that it does not matter who echoes a key, and which form the key has. There is one
 * table for the process, because there is one log.
 */

/** A shorter secret may be a common word. To blot it out everywhere would hide the words of others. */
const SECRET_MIN_LENGTH = 8;
/** In texts of the connection that the secret belongs to, and as a word of its own with a digit or a sign, shorter ones are blotted out, too. */
const SHORT_SECRET_MIN_LENGTH = 6;
/** So many secrets of sessions are known at a time, those that were used last. A search for all of them takes some 200 µs a line. */
const SESSION_SECRETS_MAX_COUNT = 1_000;
/** The mark in the place of a secret. */
const BLOT = '[secret]';
/** The marks at which a text was cut: the driver's, and those of short texts. */
const CUT = /\n\[cut: |…+/g;
/** Only the last so many are looked at: a device may write thousands of such marks, and the marks of this server come behind them. */
const CUTS_MAX_COUNT = 100;

/** The secrets of the settings, each with its forms. They are known as long as the process runs. */
const lasting = new Map<string, SecretForms>();
/** The secrets of sessions. */
const ofSessions = new LRUCache<string, SecretForms>({ max: SESSION_SECRETS_MAX_COUNT });
/** The forms of secrets of connections, so that they are not made for each call. */
const ofConnections = new LRUCache<string, SecretForms>({ max: SESSION_SECRETS_MAX_COUNT });

/** Makes secrets of the settings known, for as long as the process runs. Missing and short ones are passed over. */
export function knowLastingSecrets(secrets: readonly (string | undefined)[]): void {
  for (const secret of secrets) if (isTelling(secret)) lasting.set(secret, processFormsOf(secret));
}

/** Makes secrets of a session known. A session that goes on calls it again whenever it uses them. */
export function knowSecrets(secrets: readonly (string | undefined)[]): void {
  for (const secret of secrets)
    if (isTelling(secret) && ofSessions.get(secret) === undefined)
      ofSessions.set(secret, processFormsOf(secret));
}

/** The text without any known secret. */
export function blotSecrets(text: string): string {
  if (text.length < SHORT_SECRET_MIN_LENGTH) return text;
  let clean = text;
  let lower = text.toLowerCase();
  for (const known of [lasting, ofSessions])
    for (const forms of known.values()) {
      const next = forms.blot(clean, BLOT, lower);
      if (next !== clean) lower = next.toLowerCase();
      clean = next;
    }
  return blotCodes(clean, () => [...lasting.keys(), ...ofSessions.keys()], BLOT);
}

/** A JSON value without the secrets of its own connection, in every text of it: what a device answered. */
export function blotOwnSecrets<T>(value: T, secrets: readonly string[]): T {
  const own = ownSecrets(secrets);
  return own.length === 0 ? value : (blotValue(value, own) as T);
}

/** Blots secrets out of a text that comes in pieces. A piece that may begin a secret waits for the next one. */
export interface SecretStream {
  /** The text that is clean by now; may be empty. */
  push(piece: string): string;
  /** The rest, at the end. */
  end(): string;
  /** Whether a text waits. */
  readonly isWaiting: boolean;
}

/** A stream without these secrets. */
export function createSecretStream(secrets: readonly string[]): SecretStream {
  const own = ownSecrets(secrets);
  let waiting = '';
  return {
    push(piece) {
      const text = waiting + piece;
      const at = text.length - possibleBeginningLength(text, own);
      waiting = text.slice(at);
      return blotText(text.slice(0, at), own);
    },
    end() {
      const rest = blotText(waiting, own);
      waiting = '';
      return rest;
    },
    get isWaiting() {
      return waiting !== '';
    },
  };
}

/** The secrets of a connection to a device, each as it is known and as it is sent. They are found once for each connection. */
export function secretsOf(holder: SecretHolder): readonly string[] {
  let secrets = secretsOfHolders.get(holder);
  if (secrets === undefined) secretsOfHolders.set(holder, (secrets = findSecrets(holder)));
  return secrets;
}

/** Every call asks for the secrets of its connection, which never change. */
const secretsOfHolders = new WeakMap<SecretHolder, readonly string[]>();

function findSecrets(holder: SecretHolder): string[] {
  const { apiKey, credentials = {}, server, openSpec, command = [], env = {} } = holder;
  const texts = [apiKey?.apiKey, ...Object.values(credentials)].flatMap((credential) => {
    if (credential === undefined) return [];
    if (typeof credential === 'string') return [credential, ...passwordIn(credential)];
    const [name, secret] =
      'password' in credential
        ? [credential.username, credential.password]
        : [credential.clientId, credential.clientSecret];
    // A client of OAuth writes both parts as a form does, before they become one text [RFC 6749 2.3.1].
    return [secret, `${name}:${secret}`, `${formPart(name)}:${formPart(secret)}`];
  });
  const urls = [server, openSpec].flatMap((url) => (typeof url === 'string' ? secretsInUrl(url) : []));
  return [
    ...new Set([...texts, ...urls, ...secretsInCommand(command), ...secretsInPairs(Object.entries(env))]),
  ];
}

/** The secrets among the arguments of a program: `--token=…`, `--api-key …`, `NAME=…`, and those in URLs. */
function secretsInCommand(command: readonly string[]): string[] {
  const pairs = command.map((text, index): [string, string] => {
    const [, name, value] = /^-*([\w-]+)=(.*)$/s.exec(text) ?? [];
    return name === undefined ? [command[index - 1] ?? '', text] : [name, value ?? ''];
  });
  const named = pairs.filter(([name]) => SECRET_NAME.test(name) && !name.includes('/'));
  return [...secretsInPairs(named), ...command.flatMap((text) => secretsInUrl(text))];
}

/** The values that are named as secrets or are as long as keys. */
function secretsInPairs(pairs: Iterable<readonly [name: string, value: string]>): string[] {
  return [...pairs].flatMap(([name, value]) =>
    value.length >= SHORT_SECRET_MIN_LENGTH && (SECRET_NAME.test(name) || value.length >= KEY_MIN_LENGTH)
      ? [value]
      : [],
  );
}

/**
 * The secrets in a URL, as texts may show them: its password, and the values of its query that are named as secrets or are as
 * long as keys. Empty for a text that is no URL.
 */
export function secretsInUrl(text: string | undefined): string[] {
  if (text === undefined || text.length > URL_MAX_LENGTH || !URL.canParse(text)) return [];
  const { password, searchParams } = new URL(text);
  return secretsInPairs([['password', plainOf(password)], ...searchParams]);
}

/** The names of parameters that hold secrets. A value such as `units=metric` stays: results are full of such words. */
const SECRET_NAME = /key|token|secret|sig|pass|auth|code|cred/i;
/** A value of another name that is as long may be a key. */
const KEY_MIN_LENGTH = 20;
/** A longer text is a document. */
const URL_MAX_LENGTH = 4096;

/** The secret part of an entry (core/tool.ts, `Connection`), which this file, below all others, does not import. */
interface SecretHolder {
  apiKey?: { apiKey: string };
  credentials?: Record<
    string,
    string | { username: string; password: string } | { clientId: string; clientSecret: string }
  >;
  server?: string;
  command?: readonly string[];
  env?: Readonly<Record<string, string>>;
  openSpec?: unknown;
}

/** The secrets in a pair `user:password`, which Basic authentication takes as one text, or as its base64 [RFC 7617 2]. */
function passwordIn(text: string): string[] {
  const at = text.indexOf(':');
  if (at >= 0) return [text.slice(at + 1)];
  if (!/^[A-Za-z0-9+/]{8,}={0,2}$/.test(text)) return [];
  const pair = Buffer.from(text, 'base64').toString();
  return pair.includes(':') && !pair.includes('\uFFFD') ? [pair, pair.slice(pair.indexOf(':') + 1)] : [];
}

/** A text as a form writes it [URL Standard 5.2]. */
function formPart(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString()).replaceAll('%20', '+');
}

function plainOf(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a "%" that begins no escape
  }
}

/** Whether a secret may be blotted out in the texts of others. A short one needs a digit or a sign: letters alone may be a word. */
function isTelling(secret: string | undefined): secret is string {
  if (secret === undefined || secret.length < SHORT_SECRET_MIN_LENGTH) return false;
  return secret.length >= SECRET_MIN_LENGTH || /[^A-Za-z]/.test(secret);
}

/** The forms of a secret for all texts of the process. A short one counts as a word of its own only. */
function processFormsOf(secret: string): SecretForms {
  return secretFormsOf(secret, secret.length < SECRET_MIN_LENGTH);
}

/** Secrets of a connection, each with its forms. */
type OwnSecrets = readonly (readonly [string, SecretForms])[];

/** The secrets of a connection with their forms, the longest first: a shorter one may be a part of it. */
function ownSecrets(secrets: readonly string[]): OwnSecrets {
  return secrets
    .filter(({ length }) => length >= SHORT_SECRET_MIN_LENGTH)
    .toSorted((a, b) => b.length - a.length)
    .map((secret) => {
      const forms = ofConnections.get(secret) ?? secretFormsOf(secret);
      ofConnections.set(secret, forms);
      return [secret, forms] as const;
    });
}

/** A text without these secrets, and without the beginning of one before a place where the text was cut. */
function blotText(text: string, own: OwnSecrets): string {
  const plain = own.reduce((left, [, forms]) => forms.blot(left, BLOT), text);
  let clean = blotCodes(plain, () => own.map(([secret]) => secret), BLOT);
  let blottedFrom = clean.length;
  for (const { index } of [...clean.matchAll(CUT)].slice(-CUTS_MAX_COUNT).toReversed()) {
    if (index > blottedFrom) continue;
    const before = clean.slice(0, index);
    const length = Math.max(0, ...own.map(([, forms]) => forms.beginningLength(before)));
    if (length === 0) continue;
    blottedFrom = index - length;
    clean = clean.slice(0, blottedFrom) + BLOT + clean.slice(index);
  }
  return clean;
}

/** How many signs at the end of a piece may be the beginning of a secret: the next piece decides. */
function possibleBeginningLength(text: string, own: OwnSecrets): number {
  let longest = 0;
  const lower = text.toLowerCase();
  for (const [, { whole }] of own)
    for (const form of whole)
      for (let length = Math.min(form.length - 1, text.length); length > 0; length--)
        if (length > longest && lower.endsWith(form.slice(0, length))) longest = length;
  return longest;
}

/** A copy where a text had one of the secrets; otherwise the same value. */
function blotValue(value: unknown, own: OwnSecrets): unknown {
  if (typeof value === 'string') return blotText(value, own);
  if (typeof value === 'number') return own.some(([secret]) => secret === String(value)) ? BLOT : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return hasCodes(value, own) ? [BLOT] : value.map((item) => blotValue(item, own));
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([name, item]) => [blotText(name, own), blotValue(item, own)]));
}

/** Whether a list of numbers has the codes of a secret. */
function hasCodes(list: readonly unknown[], own: OwnSecrets): boolean {
  if (list.length < SHORT_SECRET_MIN_LENGTH || !list.every((item) => typeof item === 'number')) return false;
  const text = list.join();
  return blotText(text, own) !== text;
}
