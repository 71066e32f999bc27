import { formatExactly } from '../../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Effect } from '../../core/tool.ts';
import type { HttpRequest } from '../../drivers/http.ts';
import { AppError } from '../../errors.ts';
import { encodeBody, encodeForm } from './body.ts';
import type { BodyPlan } from './body-plan.ts';
import type { OperationPlan, WireArgument } from './plan.ts';
import { pathVariable } from './request-shape.ts';
import { withWideNumbers } from '../schema/wide-numbers.ts';
import type { createSecurity, CallCredentials } from './security.ts';
import type { ServerRoot } from './servers.ts';
import { encodePart, plainText, writeCookies, writeHeader, writePairs, writePath } from './styles.ts';

/** The parts that all requests of an operation have in common. */
export interface RequestTemplate {
  method: string;
  path: string;
  effect: Effect;
  accept: string;
  plan: OperationPlan;
  requirements: ReturnType<ReturnType<typeof createSecurity>['requirementsOf']>;
}

/** The parts of a request that arguments fill. */
interface RequestParts {
  /** Encoded texts by the name in the braces. The parts of the query are encoded, too. */
  variables: Map<string, string>;
  query: string[];
  cookies: string[];
  headers: Record<string, string>;
}

/** The arguments that the request will send: those given, with numbers for digits, and the defaults of the required ones. */
export function completed(plan: OperationPlan, given: JsonObject): JsonObject {
  const { defaults, bodyDefaults, body } = plan;
  const hasBody =
    body?.properties !== undefined && [...body.properties.keys()].some((key) => Object.hasOwn(given, key));
  return { ...defaults, ...(hasBody ? bodyDefaults : {}), ...withWideNumbers(given, plan.parameters) };
}

/** Writes the request for one call. Throws an AppError `invalid_request` for arguments that cannot be written. */
export function fillRequest(
  template: RequestTemplate,
  given: JsonObject,
  base: ServerRoot,
  credentials: CallCredentials,
): HttpRequest {
  const { plan, method, effect } = template;
  const args = plan.names.restore(completed(plan, given), plan.parameters);
  const headers = { accept: template.accept, 'user-agent': 'lite-agent-server' };
  const parts: RequestParts = { variables: new Map(), query: [], cookies: [], headers };
  // The other keys are those of an open body.
  const used = new Set<string>();
  for (const argument of plan.arguments) {
    used.add(argument.key);
    const value = args[argument.key];
    if (value === undefined || value === null) {
      if (argument.required) throw new AppError('invalid_request', `"${argument.key}" is missing.`);
    } else if (!isSignedIn(credentials, argument.in, argument.name)) writeArgument(parts, argument, value);
  }
  const body = plan.body === undefined ? undefined : bodyOf(plan.body, args, used);
  if (body !== undefined) parts.headers['content-type'] = body.contentType;
  addCredentials(parts, credentials);
  return {
    method,
    origin: base.origin,
    path: pathOf(template.path, base.path, parts.variables, parts.query),
    headers: parts.headers,
    effect,
    ...(body === undefined ? {} : { body: body.bytes }),
  };
}

/** Writes one argument to its place in the request. */
function writeArgument(parts: RequestParts, argument: WireArgument, value: JsonValue): void {
  const { key, name, mediaType } = argument;
  const whole = mediaType === undefined ? undefined : contentText(value, mediaType);
  switch (argument.in) {
    case 'path': {
      const text = whole === undefined ? writePath(name, value, argument) : encodePart(whole);
      parts.variables.set(name, checkedPath(key, value, text));
      break;
    }
    case 'query':
      if (whole === undefined) parts.query.push(...writePairs(name, value, argument));
      else parts.query.push(`${encodePart(name)}=${encodePart(whole)}`);
      break;
    // The whole query in one argument: an object is written as a form.
    case 'querystring':
      if (isObject(value) && !/json/.test(mediaType ?? '')) parts.query.push(encodeForm(value));
      else parts.query.push(encodePart(whole ?? plainText(value)));
      break;
    case 'header':
      parts.headers[name.toLowerCase()] = whole ?? writeHeader(value, argument);
      break;
    case 'cookie':
      if (whole === undefined) parts.cookies.push(...writeCookies(name, value, argument));
      else parts.cookies.push(`${name}=${encodePart(whole)}`);
  }
}

/** Adds the credentials last, so that no argument can replace them. */
function addCredentials(parts: RequestParts, credentials: CallCredentials): void {
  Object.assign(parts.headers, credentials.headers);
  for (const [name, value] of credentials.query) parts.query.push(`${encodePart(name)}=${encodePart(value)}`);
  for (const [name, value] of credentials.cookies) parts.cookies.push(`${name}=${value}`);
  if (parts.cookies.length > 0) parts.headers['cookie'] = parts.cookies.join('; ');
}

/** Whether the credentials send this value already: the session's value counts, not the model's. */
function isSignedIn(signIn: CallCredentials, place: string, name: string): boolean {
  const pairs = place === 'query' ? signIn.query : place === 'cookie' ? signIn.cookies : [];
  return pairs.some(([own]) => own === name);
}

/** The path with its variables and its query. */
function pathOf(
  template: string,
  basePath: string,
  variables: ReadonlyMap<string, string>,
  query: string[],
): string {
  // Some documents tell operations apart by a query or a fragment in the path; a fragment is never sent.
  const [plain = ''] = template.split('#', 1);
  const filled = plain
    .split(/(\{[^{}]*\})/)
    .map((part) =>
      part.startsWith('{') && part.endsWith('}')
        ? (variables.get(pathVariable(part.slice(1, -1))) ?? '')
        : literal(part),
    )
    .join('');
  const path = `${basePath}${filled.startsWith('/') ? '' : '/'}${filled}`;
  if (query.length === 0) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${query.join('&')}`;
}

/** The document's own text. Characters that no URL may hold are encoded. */
export function literal(text: string): string {
  return text.replace(/[^\w\-.~!$&'()*+,;=:@/?%[\]]/gu, encodePart);
}

/** No value may lead to another place than the one it names. */
function checkedPath(key: string, value: JsonValue, text: string): string {
  if (text === '' || value === '')
    throw new AppError('invalid_request', `"${key}" is part of the path and must not be empty.`);
  const items = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [value];
  for (const item of items) {
    const steps = plainText(item ?? '')
      .replace(/%2e/gi, '.')
      .split(/[/\\]|%2f|%5c/i);
    if (steps.includes('..') || steps.includes('.')) {
      throw new AppError(
        'invalid_request',
        `"${key}" is part of the path and must not have "." or ".." as a step.`,
      );
    }
  }
  return text;
}

/** The text of a parameter that is written whole as a media type. */
function contentText(value: JsonValue, mediaType: string): string {
  return /json/i.test(mediaType) ? formatExactly(value) : plainText(value);
}

/** The body in the media type that the arguments name, else in the best one; undefined without a body. */
function bodyOf(plan: BodyPlan, args: JsonObject, used: Set<string>) {
  const { contentTypeKey } = plan;
  const wanted = contentTypeKey === undefined ? undefined : args[contentTypeKey];
  if (contentTypeKey !== undefined) used.add(contentTypeKey);
  const [best] = plan.choices;
  const choice =
    typeof wanted !== 'string'
      ? best
      : (plan.choices.find(({ contentType }) => contentType === wanted) ??
        (best && { ...best, contentType: wanted }));
  // Without a value there is no body, even where a media type was given.
  const value = bodyValue(plan, args, used);
  if (choice === undefined || value === undefined) return undefined;
  return encodeBody(choice, value, plan.layersOf);
}

/** The value of the body: one argument, or an object of several. Throws for a missing one. */
function bodyValue(plan: BodyPlan, args: JsonObject, used: ReadonlySet<string>): JsonValue | undefined {
  if (plan.properties === undefined) {
    const value = plan.key === undefined ? undefined : args[plan.key];
    if (value === undefined && plan.required)
      throw new AppError('invalid_request', `"${plan.key}" is missing.`);
    return value;
  }
  const body: JsonObject = {};
  let isGiven = plan.required;
  for (const [key, name] of plan.properties) {
    if (args[key] === undefined) continue;
    // A key like "__proto__" is data here.
    Object.defineProperty(body, name, {
      value: args[key],
      enumerable: true,
      writable: true,
      configurable: true,
    });
    isGiven = true;
  }
  if (plan.open) {
    for (const [key, value] of Object.entries(args)) {
      if (used.has(key) || plan.properties.has(key) || value === undefined) continue;
      body[key] = value;
      isGiven = true;
    }
  }
  if (!isGiven) return undefined;
  const missing = plan.requiredKeys.filter((key) => args[key] === undefined);
  if (missing.length > 0) {
    throw new AppError('invalid_request', `Missing: ${missing.map((key) => `"${key}"`).join(', ')}.`);
  }
  return body;
}
