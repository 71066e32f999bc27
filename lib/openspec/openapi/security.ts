import { isObject, type JsonObject } from '../../common/json.ts';
import { closestWord } from '../../common/closest-word.ts';
import type { Connection, Credential } from '../../core/tool.ts';
import type { SpecDocument } from '../spec-document.ts';
import type { DocumentKey } from './request-shape.ts';
import { listAt, objectAt, textAt, textsAt } from '../read.ts';

/**
 * The parts that credentials add to a request. The credentials are the session's: the document says which ones are needed
 * and where they go, and the model never sees them.
 */
export interface CallCredentials {
  headers: Record<string, string>;
  /** `name`, `value`, not yet encoded. */
  query: [string, string][];
  cookies: [string, string][];
  /** A token to ask for before the call. */
  grant?: ClientGrant;
  /** A user that answers a digest challenge. */
  digest?: { username: string; password: string };
  /** Whether any credential of the session is among these parts. */
  isSignedIn: boolean;
  /** Every text that must not come back to the model. */
  secrets: string[];
}

/** OAuth 2.0 client credentials [RFC 6749 4.4]. */
export interface ClientGrant {
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  scopes: string[];
}

/** Schemes that are needed together, each with its scopes. */
type Requirement = Map<string, string[]>;

/** Chooses the credentials for one operation, from the document's requirements (an OR of ANDs) and the session's secrets. */
export function createSecurity(document: SpecDocument) {
  const schemes = document.isSwagger2
    ? objectAt(document.root, 'securityDefinitions')
    : objectAt(objectAt(document.root, 'components'), 'securitySchemes');

  /** The alternatives of an operation; undefined when neither it nor the document says anything. */
  function requirementsOf(operation: JsonObject): Requirement[] | undefined {
    const holder = operation['security'] === undefined ? document.root : operation;
    if (!Array.isArray(holder['security'])) return undefined;
    return listAt(holder, 'security').flatMap((one) =>
      isObject(one) ? [new Map(Object.keys(one).map((name) => [name, textsAt(one, name)] as const))] : [],
    );
  }

  function schemeOf(name: string): JsonObject | undefined {
    return document.object(schemes?.[name], document.root)?.node;
  }

  /** Whether the seed's key serves a scheme: it goes into the Authorization header, and nowhere else. */
  function isKeyFor(scheme: JsonObject, apiKey: Connection['apiKey']): boolean {
    if (apiKey === undefined) return false;
    const type = textAt(scheme, 'type');
    if (type === 'basic' || isHttp(scheme, 'basic')) return apiKey.type === 'basic';
    if (type === 'oauth2' || type === 'openIdConnect' || isHttp(scheme, 'bearer'))
      return apiKey.type === 'bearer';
    return (
      type === 'apiKey' && scheme['in'] === 'header' && /^authorization$/i.test(textAt(scheme, 'name') ?? '')
    );
  }

  function signIn(requirements: Requirement[] | undefined, connection: Connection): CallCredentials {
    const { apiKey, credentials = {} } = connection;
    const result: CallCredentials = {
      headers: {},
      query: [],
      cookies: [],
      isSignedIn: false,
      secrets: [],
    };
    const has = (name: string) => {
      const scheme = schemeOf(name);
      return scheme !== undefined && (Object.hasOwn(credentials, name) || isKeyFor(scheme, apiKey));
    };
    // An alternative that can be fulfilled comes before one that can be fulfilled in part.
    const full = requirements?.find((one) => one.size > 0 && [...one.keys()].every(has));
    const chosen = full ?? requirements?.find((one) => [...one.keys()].some(has));
    for (const [name, scopes] of chosen ?? []) {
      const scheme = schemeOf(name);
      const credential = Object.hasOwn(credentials, name) ? credentials[name] : undefined;
      if (scheme === undefined) continue;
      if (credential !== undefined) apply(result, scheme, credential, scopes);
      else if (apiKey !== undefined && isKeyFor(scheme, apiKey)) applyKey(result, apiKey);
    }
    // A document without `security` does not ask for the session's key, and the key is sent all the same. With `security: []` it is not sent.
    const isOpen = requirements !== undefined && requirements.every((one) => one.size === 0);
    if (chosen === undefined && apiKey !== undefined && !isOpen) applyKey(result, apiKey);
    result.isSignedIn = result.secrets.length > 0;
    return result;
  }

  /**
   * A sentence for a device that wants a credential: the names that the document asks for, and the names that were given and
   * are in no document. Undefined where the document asks for nothing.
   */
  function hintFor(requirements: Requirement[] | undefined, connection: Connection): string | undefined {
    const wanted = [...new Set((requirements ?? []).flatMap((one) => [...one.keys()]))];
    if (wanted.length === 0) return undefined;
    const { apiKey, credentials = {} } = connection;
    const given = Object.keys(credentials);
    const asks = `The document asks for ${wanted.map((name) => `"${name}"`).join(' or ')}`;
    const strange = given.filter((name) => schemeOf(name) === undefined);
    // A credential under a name of no scheme is never sent: most often it is a slip.
    const typos = strange.map((name) => {
      const near = closestWord(name, wanted);
      return `"${name}" is no scheme of it${near === undefined ? '' : `; did you mean "${near}"?`}`;
    });
    if (typos.length > 0) return `${asks}; ${typos.join(', ')}`;
    if (given.length > 0 || apiKey !== undefined)
      return `${asks}; the device did not accept the one that was given.`;
    return `${asks}; none was given: put it into "credentials" (--credentials '{"${wanted[0]}": "…"}').`;
  }

  return { names: Object.keys(schemes ?? {}), requirementsOf, signIn, hintFor };
}

/** Adds the keys in the defaults of a document. A credential of the session for the same place counts more. */
export function addDocumentKeys(result: CallCredentials, keys: readonly DocumentKey[]): void {
  for (const { in: place, name, value } of keys) {
    result.secrets.push(value);
    const pairs = place === 'query' ? result.query : result.cookies;
    if (place === 'header') result.headers[name.toLowerCase()] ??= value;
    else if (!pairs.some(([own]) => own === name)) pairs.push([name, value]);
  }
}

function applyKey(result: CallCredentials, { type, apiKey }: NonNullable<Connection['apiKey']>): void {
  result.secrets.push(apiKey);
  if (type === 'basic') result.headers['authorization'] = `Basic ${basicToken(result, apiKey)}`;
  else result.headers['authorization'] = `Bearer ${apiKey}`;
}

/** Adds one credential as its security scheme says [OpenAPI 3.1.1 4.8.27]. */
function apply(result: CallCredentials, scheme: JsonObject, credential: Credential, scopes: string[]): void {
  const type = textAt(scheme, 'type');
  if (typeof credential === 'string') result.secrets.push(credential);
  else result.secrets.push('password' in credential ? credential.password : credential.clientSecret);

  if (type === 'basic' || isHttp(scheme, 'basic')) {
    const pair = typeof credential === 'string' ? credential : pairOf(credential);
    result.headers['authorization'] = `Basic ${basicToken(result, pair)}`;
  } else if (isHttp(scheme, 'digest')) {
    const [username = '', ...rest] = (typeof credential === 'string' ? credential : pairOf(credential)).split(
      ':',
    );
    result.digest = { username, password: rest.join(':') };
    result.secrets.push(result.digest.password);
  } else if (type === 'apiKey') {
    const name = textAt(scheme, 'name') ?? 'apiKey';
    const value = typeof credential === 'string' ? credential : pairOf(credential);
    if (scheme['in'] === 'query') result.query.push([name, value]);
    else if (scheme['in'] === 'cookie') result.cookies.push([name, value]);
    else result.headers[name.toLowerCase()] = value;
  } else if (typeof credential === 'string') {
    // bearer, oauth2 and openIdConnect with a token in hand, and HTTP schemes we have no more to say about
    const named = textAt(scheme, 'scheme') ?? 'bearer';
    result.headers['authorization'] = `${/^bearer$/i.test(named) ? 'Bearer' : named} ${credential}`;
  } else if (type === 'oauth2' && 'clientId' in credential) {
    const flow = objectAt(objectAt(scheme, 'flows'), 'clientCredentials') ?? scheme;
    result.grant = { ...credential, tokenUrl: textAt(flow, 'tokenUrl') ?? '', scopes };
  } else {
    result.headers['authorization'] = `Basic ${basicToken(result, pairOf(credential))}`;
  }
}

/** Whether a scheme is the HTTP authentication scheme of this name, in any case. */
function isHttp(scheme: JsonObject, name: string): boolean {
  return textAt(scheme, 'type') === 'http' && textAt(scheme, 'scheme')?.toLowerCase() === name;
}

function pairOf(credential: Exclude<Credential, string>): string {
  return 'username' in credential
    ? `${credential.username}:${credential.password}`
    : `${credential.clientId}:${credential.clientSecret}`;
}

/** `user:password` encoded. A text without a colon is encoded already. */
function basicToken(result: CallCredentials, text: string): string {
  if (!text.includes(':')) return text;
  const token = Buffer.from(text).toString('base64');
  result.secrets.push(token, text.slice(text.indexOf(':') + 1));
  return token;
}
