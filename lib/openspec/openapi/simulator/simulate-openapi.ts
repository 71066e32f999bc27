import { STATUS_CODES } from 'node:http';
import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { AppError, type Fault } from '../../../errors.ts';
import { SpecDocument } from '../../spec-document.ts';
import { listAt } from '../../read.ts';
import { pathVariable } from '../request-shape.ts';
import { checkUsable } from '../operations.ts';
import { parseServer, openapiServerUrl } from '../servers.ts';
import { faultsOf } from '../../schema/value-faults.ts';
import type { DeviceFault } from '../../../simulate/fault.ts';
import { openSite, type SiteAnswer, type SiteRequest } from '../../../simulate/http-site.ts';
import { identityOf, idLike, listIn } from './members.ts';
import { overlay } from '../../../simulate/setter.ts';
import { readArguments } from './arguments.ts';
import { readBody } from './body.ts';
import { errorReplyOf, isJson, successReplyOf, writeBody, type Reply } from './reply.ts';
import { createOperationRoutes, type OperationRoute } from './operation-routes.ts';
import { createWrites, type WriteRequest, type Written } from './writes.ts';
import { membersByList, createResources, type Variables } from './resources.ts';
import { sampleOf } from '../../schema/sample.ts';
import { viewOf } from '../../schema/schema-view.ts';
import type { Simulated } from '../../../simulate/simulated.ts';

export interface SimulateHttpOptions {
  host?: string;
  port?: number;
  /** The other files of a multi-file document by path, beside `source`. */
  files?: ReadonlyMap<string, JsonObject>;
  source?: string;
}

const reading = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']);

/**
 * Serves an OpenAPI document as a device on HTTP: it answers from examples, defaults and schemas, the same every time,
 * keeps what POST, PUT, PATCH and DELETE change, and refuses what does not fit, saying why. It asks for no credentials.
 * Rejects with a SpecError for a document that cannot be used, and when the port is taken.
 */
export async function simulateOpenapi(
  root: JsonObject,
  { host, port, files, source }: SimulateHttpOptions = {},
): Promise<Simulated> {
  checkUsable(root);
  const document = new SpecDocument(root, files, source);
  const routes = createOperationRoutes(document);
  const memberOf = membersByList(routes.all.map(({ template }) => template));
  const getters = new Map<string, { route: OperationRoute; reply: Reply }>();
  for (const route of routes.all) {
    if (route.method !== 'GET' || getters.has(route.template)) continue;
    const reply = successReplyOf(document, route);
    if (reply.content !== undefined && isJson(reply.content.type))
      getters.set(route.template, { route, reply });
  }
  const samples = new Map<Reply, JsonValue>();
  const sampleFor = (reply: Reply): JsonValue => {
    let sample = samples.get(reply);
    if (sample === undefined && reply.content !== undefined) {
      sample = reply.content.example ?? sampleOf(reply.content.schema);
      samples.set(reply, sample);
    }
    return sample ?? null;
  };
  const resources = createResources(
    [...getters].map(([template, { reply }]) => {
      let first: JsonValue | undefined;
      return { template, first: () => (first ??= oneOfEach(sampleFor(reply), template)) };
    }),
    memberOf,
  );
  const refOf = (template: string): string | undefined => getters.get(template)?.reply.content?.schema.ref;
  const write = createWrites({ document, routes: routes.all, resources, memberOf, refOf });

  /** A list whose members have names that the document counts up has one of each. */
  function oneOfEach(sample: JsonValue, template: string): JsonValue {
    const names = namesOfMembers(template);
    const members = names === undefined ? undefined : listIn(sample, template);
    const [first] = members?.items ?? [];
    if (names === undefined || members === undefined || members.items.length > 1 || !isObject(first))
      return sample;
    const key = identityOf(first, names.variable);
    if (key === undefined) return sample;
    return members.with(names.values.map((name) => ({ ...first, [key]: idLike(first[key], name) })));
  }

  function namesOfMembers(template: string): { variable: string; values: string[] } | undefined {
    const below = routes.all.find((route) => {
      const rest = route.template.startsWith(`${template}/`) ? route.template.slice(template.length + 1) : '';
      return /^\{[^{}]*\}(?:\/|$)/.test(rest);
    });
    const braces =
      below === undefined ? undefined : /^\{([^{}]*)\}/.exec(below.template.slice(template.length + 1));
    const variable = pathVariable(braces?.[1] ?? '');
    const parameter = below?.shape.parameters.find((one) => one.in === 'path' && one.name === variable);
    if (parameter === undefined) return undefined;
    const { value } = viewOf(document, parameter.node['schema'] ?? parameter.node, parameter.home);
    const values = isObject(value) ? listAt(value, 'enum').filter((one) => typeof one === 'string') : [];
    return values.length === 0 ? undefined : { variable, values };
  }

  const base = basePath();
  function basePath(): string {
    try {
      return parseServer(openapiServerUrl(document, {}, {}), source).path;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // Relative to nobody knows what: its path still says where it stands.
      const { pathname } = new URL(
        openapiServerUrl(document, {}, {}).replaceAll(/[{}]/g, ''),
        'http://device/',
      );
      return pathname.replace(/\/+$/, '');
    }
  }

  const refuse = (
    status: number,
    detail: string,
    faults: readonly Fault[],
    route?: OperationRoute,
  ): SiteAnswer => {
    const reply = route === undefined ? undefined : errorReplyOf(document, route, status);
    const said = reply?.content === undefined || !isJson(reply.content.type) ? undefined : sampleFor(reply);
    const spoken = isObject(said) ? withMessage(said, status, detail) : undefined;
    if (spoken !== undefined && reply?.content !== undefined) {
      const { type, body } = writeBody(spoken, reply.content.type);
      return { status, headers: { 'content-type': type }, body };
    }
    const problem = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
    const errors = faults.length === 0 ? {} : { errors: faults };
    const headers = { 'content-type': 'application/problem+json' };
    return { status, headers, body: JSON.stringify({ ...problem, ...errors }) };
  };

  const answer = async (request: SiteRequest): Promise<SiteAnswer> => {
    const { method, query } = request;
    const path = request.path.startsWith(`${base}/`) ? request.path.slice(base.length) : request.path;
    const found = routes.find(method, path, query);
    if ('allowed' in found) {
      if (found.allowed.length === 0) return refuse(404, `The document has no path ${path}.`, []);
      const allow = [...found.allowed, 'OPTIONS'].join(', ');
      if (method === 'OPTIONS') return { status: 204, headers: { allow } };
      const refused = refuse(405, `${path} knows ${allow}.`, []);
      return { ...refused, headers: { ...refused.headers, allow } };
    }
    const { route } = found;
    const { values, faults } = readArguments(document, route.shape.parameters, {
      ...found,
      query,
      headers: request.headers,
    });
    const nowhere = faults.filter(({ pointer }) => pointer.startsWith('/path/'));
    if (nowhere.length > 0)
      return refuse(404, `There is nothing at ${path}: ${wordsOf(nowhere)}.`, nowhere, route);
    const body = await readBody(document, route.shape.body, request);
    const status = 'status' in body ? body.status : 400;
    const all = [...faults, ...('faults' in body ? body.faults : [])];
    if (all.length > 0 || 'faults' in body)
      return refuse(status, `The request does not fit: ${wordsOf(all)}.`, all, route);
    const variables = textsOf(values.path);
    if (reading.has(route.method)) return show(route, { value: resources.get(route.template, variables) });
    try {
      const written: WriteRequest = { route, variables, ...body, body: body.value, query: values.query };
      return show(route, write(written), written);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'limit_reached') throw error;
      return refuse(507, error.message, []);
    }
  };

  const show = (route: OperationRoute, written: Written, request?: WriteRequest): SiteAnswer => {
    if ('fault' in written) {
      return written.fault === 'missing'
        ? refuse(404, 'It is deleted.', [], route)
        : refuse(409, 'There is one of that name already.', [], route);
    }
    const isResource = request === undefined && resources.has(route.template);
    if (isResource && written.value === undefined) return refuse(404, 'It is deleted.', [], route);
    const reply = getters.get(route.template)?.reply;
    const { status, content } = isResource && reply !== undefined ? reply : successReplyOf(document, route);
    const made = status === 201 && written.made !== undefined ? { location: base + written.made } : {};
    if (content === undefined) return { status, headers: made };
    let value: JsonValue = isResource ? (written.value ?? null) : null;
    if (!isResource) {
      const fresh = content.example ?? sampleOf(content.schema);
      const same = content.schema.ref !== undefined && content.schema.ref === refOf(written.template ?? '');
      const fits =
        written.template === route.template &&
        written.value !== undefined &&
        faultsOf(written.value, content.schema, 'reply').length === 0;
      const whole = written.value !== undefined && (same || fits || covers(written.value, fresh));
      value = whole ? (written.value ?? null) : overlay(overlay(fresh, request?.body), written.value);
    }
    const { type, body } = writeBody(value, content.type);
    return { status, headers: { 'content-type': type, ...made }, body };
  };

  /** The resource at a path, as its GET finds it. */
  const placeOf = (name: string) => {
    const found = routes.find('GET', encodeURI(name.startsWith('/') ? name : `/${name}`), '');
    const getter = 'route' in found ? getters.get(found.route.template) : undefined;
    if ('allowed' in found || getter === undefined) return undefined;
    const { template, shape } = found.route;
    const { values } = readArguments(document, shape.parameters, { ...found, query: '', headers: {} });
    return { template, variables: textsOf(values.path), schema: getter.reply.content?.schema };
  };

  const site = await openSite({
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    answer,
    refuse: (code) => refuse(code, 'The simulated device was told to fail.', []),
  });
  const plain = [...getters.keys()].filter((template) => !template.includes('{'));
  return {
    server: site.url + base,
    exceptionCodes: [400, 599],
    state: () => ({
      ...Object.fromEntries(plain.map((template) => [template, resources.get(template, {})])),
      ...resources.changed(),
    }),
    value(name) {
      const found = placeOf(name);
      return found === undefined ? undefined : resources.get(found.template, found.variables);
    },
    set(name, value) {
      const found = placeOf(name);
      if (found === undefined) throw new AppError('not_found', `the device has no value ${name}`);
      const faults = found.schema === undefined ? [] : faultsOf(value, found.schema, 'reply');
      if (faults.length > 0) throw new AppError('invalid_request', `${name}: ${wordsOf(faults)}`, { faults });
      resources.set(found.template, found.variables, value);
    },
    fault: (next: DeviceFault | undefined) => site.fault(next),
    close: () => site.close(),
  };
}

/** Whether a value says all that a fresh answer says. */
function covers(value: JsonValue, fresh: JsonValue): boolean {
  if (!isObject(value) || !isObject(fresh)) return Array.isArray(value) && Array.isArray(fresh);
  return Object.keys(fresh).length > 0 && Object.keys(fresh).every((key) => Object.hasOwn(value, key));
}

/** The document's own error, with what is wrong in it; undefined where it has no place for words. */
function withMessage(error: JsonObject, status: number, detail: string): JsonObject | undefined {
  const places = ['detail', 'message', 'error_description', 'description', 'reason', 'error', 'msg', 'title'];
  const place = places.find((name) => typeof error[name] === 'string');
  if (place === undefined) return undefined;
  const numbers = ['status', 'code', 'statusCode'].filter((name) => typeof error[name] === 'number');
  return { ...error, ...Object.fromEntries(numbers.map((name) => [name, status])), [place]: detail };
}

function wordsOf(faults: readonly Fault[]): string {
  return faults.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join('; ');
}

function textsOf(values: JsonObject): Variables {
  const text = (value: JsonValue): string =>
    typeof value === 'object' ? JSON.stringify(value) : String(value);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, text(value ?? null)]));
}
