import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { Effect } from '../../core/tool.ts';
import { isObject } from '../../common/json.ts';
import type { HttpRequest } from '../../drivers/http.ts';
import { AppError } from '../../errors.ts';
import { encodeBody, encodeForm } from './body.ts';
import type { BodyPlan } from './body-plan.ts';
import type { OperationPlan } from './plan.ts';
import { pathVariable } from './request-shape.ts';
import type { createSecurity, CallCredentials } from './security.ts';
import type { ServerRoot } from './servers.ts';
import { encodePart, plainText, writeCookies, writeHeader, writePairs, writePath } from './styles.ts';

/** Everything about an operation that its requests have in common. */
export interface RequestTemplate {
  method: string;
  path: string;
  effect: Effect;
  accept: string;
  plan: OperationPlan;
  requirements: ReturnType<ReturnType<typeof createSecurity>['requirementsOf']>;
}

/** Writes the request for one call; throws an AppError `invalid_request` for arguments that cannot be written. */
export function fillRequest(
  target: RequestTemplate,
  args: JsonObject,
  base: ServerRoot,
  signIn: CallCredentials,
): HttpRequest {
  const { plan, method, effect } = target;
  const variables = new Map<string, string>();
  const query: string[] = [];
  const cookies: string[] = [];
  const headers: Record<string, string> = { accept: target.accept, 'user-agent': 'lite-agent-server' };
  const used = new Set<string>();

  for (const argument of plan.arguments) {
    const { key, name } = argument;
    used.add(key);
    const given = args[key];
    if (given === undefined || given === null) {
      if (!argument.required) continue;
      throw new AppError('invalid_request', `"${key}" is missing.`);
    }
    if (isSignedIn(signIn, argument.in, name)) continue;
    const value = wireValue(given, plan.renamed);
    const whole = argument.mediaType === undefined ? undefined : contentText(value, argument.mediaType);
    switch (argument.in) {
      case 'path':
        variables.set(
          name,
          checkedPath(key, value, whole === undefined ? writePath(name, value, argument) : encodePart(whole)),
        );
        break;
      case 'query':
        query.push(
          ...(whole === undefined
            ? writePairs(name, value, argument)
            : [`${encodePart(name)}=${encodePart(whole)}`]),
        );
        break;
      case 'querystring':
        if (isObject(value) && !/json/.test(argument.mediaType ?? '')) query.push(encodeForm(value));
        else query.push(encodePart(whole ?? plainText(value)));
        break;
      case 'header':
        headers[name.toLowerCase()] = whole ?? writeHeader(value, argument);
        break;
      case 'cookie':
        cookies.push(
          ...(whole === undefined ? writeCookies(name, value, argument) : [`${name}=${encodePart(whole)}`]),
        );
    }
  }

  const body = plan.body === undefined ? undefined : bodyOf(plan.body, args, used, plan.renamed);
  if (body !== undefined) headers['content-type'] = body.contentType;
  Object.assign(headers, signIn.headers);
  for (const [name, value] of signIn.query) query.push(`${encodePart(name)}=${encodePart(value)}`);
  for (const [name, value] of signIn.cookies) cookies.push(`${name}=${value}`);
  if (cookies.length > 0) headers['cookie'] = cookies.join('; ');
  return {
    method,
    origin: base.origin,
    path: pathOf(target.path, base.path, variables, query),
    headers,
    effect,
    ...(body === undefined ? {} : { body: body.bytes }),
  };
}

/** Whether signing in sends this already: the session's word counts, not the model's. */
function isSignedIn(signIn: CallCredentials, place: string, name: string): boolean {
  const pairs = place === 'query' ? signIn.query : place === 'cookie' ? signIn.cookies : [];
  return pairs.some(([own]) => own === name);
}

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

/** The document's own text, with what no URL may hold encoded. */
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

function contentText(value: JsonValue, mediaType: string): string {
  return /json/i.test(mediaType) ? JSON.stringify(value) : plainText(value);
}

function bodyOf(plan: BodyPlan, args: JsonObject, used: Set<string>, renamed: ReadonlyMap<string, string>) {
  const { contentTypeKey } = plan;
  const wanted = contentTypeKey === undefined ? undefined : args[contentTypeKey];
  if (contentTypeKey !== undefined) used.add(contentTypeKey);
  const [best] = plan.choices;
  const choice =
    typeof wanted !== 'string'
      ? best
      : (plan.choices.find(({ contentType }) => contentType === wanted) ??
        (best && { ...best, contentType: wanted }));
  const value = bodyValue(plan, args, used);
  if (choice === undefined || value === undefined) return undefined;
  return encodeBody(choice, wireValue(value, renamed), plan.layersOf);
}

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

/** Gives inner properties the names they have on the wire. */
function wireValue(value: JsonValue, renamed: ReadonlyMap<string, string>): JsonValue {
  if (renamed.size === 0 || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => wireValue(item, renamed));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      renamed.get(key) ?? key,
      item === undefined ? item : wireValue(item, renamed),
    ]),
  );
}
