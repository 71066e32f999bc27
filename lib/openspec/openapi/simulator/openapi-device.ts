import { STATUS_CODES } from 'node:http';
import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { AppError, type Fault } from '../../../errors.ts';
import type { SiteAnswer, SiteRequest } from '../../../simulate/http-site.ts';
import { overlay } from '../../../simulate/setter.ts';
import { sampleOf } from '../../schema/sample.ts';
import type { SchemaView } from '../../schema/schema-view.ts';
import { faultsOf, faultWords } from '../../schema/value-faults.ts';
import type { SpecDocument } from '../../spec-document.ts';
import { readArguments } from './arguments.ts';
import { readBody } from './body.ts';
import { Getters } from './getters.ts';
import { createOperationRoutes, type OperationRoute, type OperationRoutes } from './operation-routes.ts';
import { errorReplyOf, isJson, successReplyOf, writeBody, type Reply } from './reply.ts';
import { membersByList, Resources, type Variables } from './resources.ts';
import { Writes, type WriteRequest, type Written } from './writes.ts';

/** Methods that change nothing [RFC 9110 9.2.1; QUERY: draft-ietf-httpbis-safe-method-w-body]. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']);

/** A resource of the device, as its GET finds it. */
interface ResourcePlace {
  /** The path as the document writes it, with its variables. */
  template: string;
  variables: Variables;
  schema: SchemaView | undefined;
}

/** The device behind an OpenAPI document: its answers, and the values that it holds. */
export class OpenapiDevice {
  readonly #document: SpecDocument;
  readonly #base: string;
  readonly #routes: OperationRoutes;
  readonly #getters: Getters;
  readonly #resources: Resources;
  readonly #writes: Writes;

  /** All paths stand below `base`. */
  constructor(document: SpecDocument, base: string) {
    this.#document = document;
    this.#base = base;
    this.#routes = createOperationRoutes(document);
    const routes = this.#routes.all;
    const getters = new Getters(document, routes);
    this.#getters = getters;
    const memberOf = membersByList(routes.map(({ template }) => template));
    const resources = getters.templates.map((template) => {
      let first: JsonValue | undefined;
      return { template, first: () => (first ??= getters.firstValue(template)) };
    });
    this.#resources = new Resources(resources, memberOf);
    const refOf = (template: string): string | undefined => getters.refOf(template);
    this.#writes = new Writes({ document, routes, resources: this.#resources, memberOf, refOf });
  }

  /** The answer to a request: 404, 405, 400, 415, 409 or 507 with the reason when it does not fit. */
  async answer(request: SiteRequest): Promise<SiteAnswer> {
    const { method, query, headers } = request;
    const path = request.path.startsWith(`${this.#base}/`)
      ? request.path.slice(this.#base.length)
      : request.path;
    const found = this.#routes.find(method, path, query);
    if ('allowed' in found) return this.#refuseMethod(method, path, found.allowed);
    const { route } = found;
    const { values, faults } = readArguments(this.#document, route.shape.parameters, {
      ...found,
      query,
      headers,
    });
    // A value that does not fit the path names no resource: that is a 404, and not a fault of the request.
    const nowhere = faults.filter(({ pointer }) => pointer.startsWith('/path/'));
    if (nowhere.length > 0)
      return this.refuse(404, `There is nothing at ${path}: ${faultWords(nowhere)}.`, nowhere, route);
    const body = await readBody(this.#document, route.shape.body, request);
    const all = [...faults, ...('faults' in body ? body.faults : [])];
    if (all.length > 0 || 'faults' in body) {
      const status = 'status' in body ? body.status : 400;
      return this.refuse(status, `The request does not fit: ${faultWords(all)}.`, all, route);
    }
    const variables = textsOf(values.path);
    if (SAFE_METHODS.has(route.method))
      return this.#show(route, { value: this.#resources.get(route.template, variables) });
    return this.#change({ route, variables, ...body, body: body.value, query: values.query });
  }

  /** The answer that refuses a request: the document's own error where it has a place for words, else a problem [RFC 9457]. */
  refuse(status: number, detail: string, faults: readonly Fault[], route?: OperationRoute): SiteAnswer {
    const reply = route === undefined ? undefined : errorReplyOf(this.#document, route, status);
    const spoken = reply === undefined ? undefined : this.#ownError(reply, status, detail);
    if (spoken !== undefined) return spoken;
    const problem = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
    const errors = faults.length === 0 ? {} : { errors: faults };
    const headers = { 'content-type': 'application/problem+json' };
    return { status, headers, body: JSON.stringify({ ...problem, ...errors }) };
  }

  /** The values of all paths without variables, and of each path that was changed. */
  state(): Record<string, JsonValue | undefined> {
    const plain = this.#getters.templates.filter((template) => !template.includes('{'));
    return {
      ...Object.fromEntries(plain.map((template) => [template, this.#resources.get(template, {})])),
      ...this.#resources.changed(),
    };
  }

  /** The value of a path; undefined where nothing can be read. */
  value(path: string): JsonValue | undefined {
    const found = this.#find(path);
    return found === undefined ? undefined : this.#resources.get(found.template, found.variables);
  }

  /** Puts a value in place. Throws an AppError: `not_found`, or `invalid_request` when the value does not fit. */
  set(path: string, value: JsonValue): void {
    const found = this.#find(path);
    if (found === undefined) throw new AppError('not_found', `the device has no value ${path}`);
    const faults = found.schema === undefined ? [] : faultsOf(value, found.schema, 'reply');
    if (faults.length > 0)
      throw new AppError('invalid_request', `${path}: ${faultWords(faults)}`, { faults });
    this.#resources.set(found.template, found.variables, value);
  }

  /** 404 for an unknown path, 405 for a method that the path does not know; OPTIONS gets the list of methods. */
  #refuseMethod(method: string, path: string, allowed: readonly string[]): SiteAnswer {
    if (allowed.length === 0) return this.refuse(404, `The document has no path ${path}.`, []);
    const allow = [...allowed, 'OPTIONS'].join(', ');
    if (method === 'OPTIONS') return { status: 204, headers: { allow } };
    const refused = this.refuse(405, `${path} knows ${allow}.`, []);
    return { ...refused, headers: { ...refused.headers, allow } };
  }

  /** Carries a write out; 507 when the device holds no more values. */
  #change(request: WriteRequest): SiteAnswer {
    try {
      return this.#show(request.route, this.#writes.write(request), request);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'limit_reached') throw error;
      return this.refuse(507, error.message, []);
    }
  }

  /** The answer that shows a resource, or the outcome of a write. */
  #show(route: OperationRoute, written: Written, request?: WriteRequest): SiteAnswer {
    if ('fault' in written) {
      return written.fault === 'missing'
        ? this.refuse(404, 'It is deleted.', [], route)
        : this.refuse(409, 'There is one of that name already.', [], route);
    }
    const isResource = request === undefined && this.#resources.has(route.template);
    if (isResource && written.value === undefined) return this.refuse(404, 'It is deleted.', [], route);
    const getter = this.#getters.find(route.template);
    const { status, content } =
      isResource && getter !== undefined ? getter.reply : successReplyOf(this.#document, route);
    const made = status === 201 && written.made !== undefined ? { location: this.#base + written.made } : {};
    if (content === undefined) return { status, headers: made };
    const value = isResource
      ? (written.value ?? null)
      : this.#outcomeValue(route, content, written, request?.body);
    const { type, body } = writeBody(value, content.type);
    return { status, headers: { 'content-type': type, ...made }, body };
  }

  /** The answer to a write: the written value itself where it is an answer of this operation, else the parts of it that fit. */
  #outcomeValue(
    route: OperationRoute,
    { schema, example }: NonNullable<Reply['content']>,
    { value, template }: Exclude<Written, { fault: unknown }>,
    given: JsonValue | undefined,
  ): JsonValue {
    // The answer of an untouched device, over which the written values are laid.
    const fresh = example ?? sampleOf(schema);
    if (value === undefined) return overlay(overlay(fresh, given), value);
    const isSame = schema.ref !== undefined && schema.ref === this.#getters.refOf(template ?? '');
    const fits = template === route.template && faultsOf(value, schema, 'reply').length === 0;
    return isSame || fits || covers(value, fresh) ? value : overlay(overlay(fresh, given), value);
  }

  /** The document's own error with this message; undefined when it has no place for words. */
  #ownError({ content }: Reply, status: number, detail: string): SiteAnswer | undefined {
    if (content === undefined || !isJson(content.type)) return undefined;
    const sample = content.example ?? sampleOf(content.schema);
    const spoken = isObject(sample) ? withMessage(sample, status, detail) : undefined;
    if (spoken === undefined) return undefined;
    const { type, body } = writeBody(spoken, content.type);
    return { status, headers: { 'content-type': type }, body };
  }

  /** The resource at a path; undefined for a path that GET does not know. */
  #find(path: string): ResourcePlace | undefined {
    const found = this.#routes.find('GET', encodeURI(path.startsWith('/') ? path : `/${path}`), '');
    const getter = 'route' in found ? this.#getters.find(found.route.template) : undefined;
    if ('allowed' in found || getter === undefined) return undefined;
    const { template, shape } = found.route;
    const source = { ...found, query: '', headers: {} };
    const { values } = readArguments(this.#document, shape.parameters, source);
    return { template, variables: textsOf(values.path), schema: getter.reply.content?.schema };
  }
}

/** Whether a value has all the members of a fresh answer. */
function covers(value: JsonValue, fresh: JsonValue): boolean {
  if (!isObject(value) || !isObject(fresh)) return Array.isArray(value) && Array.isArray(fresh);
  return Object.keys(fresh).length > 0 && Object.keys(fresh).every((key) => Object.hasOwn(value, key));
}

/** The document's own error with this message; undefined when the error has no place for words. */
function withMessage(error: JsonObject, status: number, detail: string): JsonObject | undefined {
  const places = ['detail', 'message', 'error_description', 'description', 'reason', 'error', 'msg', 'title'];
  const place = places.find((name) => typeof error[name] === 'string');
  if (place === undefined) return undefined;
  const numbers = ['status', 'code', 'statusCode'].filter((name) => typeof error[name] === 'number');
  return { ...error, ...Object.fromEntries(numbers.map((name) => [name, status])), [place]: detail };
}

/** Values of a path as the texts by which resources are kept. */
function textsOf(values: JsonObject): Variables {
  const text = (value: JsonValue): string =>
    typeof value === 'object' ? JSON.stringify(value) : String(value);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, text(value ?? null)]));
}
