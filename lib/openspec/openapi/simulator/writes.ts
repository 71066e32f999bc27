import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { applyMergePatch } from '../../../common/merge-patch.ts';
import type { SpecDocument } from '../../spec-document.ts';
import { layersOf, shapeOf } from '../../schema/layers.ts';
import { textAt } from '../../read.ts';
import { pathVariable, type MediaType } from '../request-shape.ts';
import { idLike, identityOf, nextId } from './members.ts';
import { applySetter } from '../../../simulate/setter.ts';
import type { OperationRoute } from './operation-routes.ts';
import { pathOf, type Resources, type Variables } from './resources.ts';
import { viewOf } from '../../schema/schema-view.ts';
import { topicOf, type Topic } from '../../../simulate/topic.ts';

/** A request that may change something: its body and its query as values. */
export interface WriteRequest {
  route: OperationRoute;
  variables: Variables;
  body: JsonValue | undefined;
  media: MediaType | undefined;
  query: JsonObject;
}

/** The outcome of a write. `missing`: its resource is deleted. `exists`: a member with this identity is there already. */
export type Written =
  | { fault: 'missing' | 'exists' }
  | {
      /** The resource as its GET gives it now; undefined when it is deleted or unknown. */
      value: JsonValue | undefined;
      /** The template of that GET. */
      template?: string;
      /** The path of a new resource. */
      made?: string;
    };

/** The parts of the device that writes change. */
interface WritesOptions {
  document: SpecDocument;
  routes: readonly OperationRoute[];
  resources: Resources;
  /** The template of a list's members, by the template of the list. */
  memberOf: ReadonlyMap<string, string>;
  /** The place to which the `$ref` of a getter's answer leads; undefined without a `$ref`. */
  refOf(template: string): string | undefined;
}

/** The effects of POST, PUT, PATCH and DELETE on the resources of a document. */
export class Writes {
  readonly #document: SpecDocument;
  readonly #resources: Resources;
  readonly #memberOf: ReadonlyMap<string, string>;
  readonly #refOf: WritesOptions['refOf'];
  readonly #getters: readonly (OperationRoute & { topic: Topic })[];
  /** The templates of the members of lists that can be read. */
  readonly #members: ReadonlySet<string>;

  constructor({ document, routes, resources, memberOf, refOf }: WritesOptions) {
    this.#document = document;
    this.#resources = resources;
    this.#memberOf = memberOf;
    this.#refOf = refOf;
    this.#getters = routes
      .filter(({ method, template }) => method === 'GET' && resources.has(template))
      .map((route) => ({ ...route, topic: topicOf(nameOf(route)) }));
    this.#members = new Set([...memberOf].flatMap(([list, member]) => (resources.has(list) ? [member] : [])));
  }

  /** Carries a write out. Throws an AppError `limit_reached` when the device is full. */
  write(request: WriteRequest): Written {
    const { route, variables, body, query } = request;
    const { method, template } = route;
    const resources = this.#resources;
    const isOwn = resources.has(template) || this.#members.has(template);
    // A POST to a list adds a member.
    if (method === 'POST' && resources.members(template, variables) !== undefined)
      return this.#create(request);
    // A PUT makes a deleted resource again.
    if (isOwn && method !== 'PUT' && resources.isGone(template, variables)) return { fault: 'missing' };
    if (method === 'DELETE') return this.#delete(template, variables, isOwn);
    // Some devices take their values in the query. The body counts more.
    const given: JsonValue | undefined = isObject(body) || body === undefined ? { ...query, ...body } : body;
    return isOwn ? this.#changeOwn(request, given) : this.#changeTarget(request, given);
  }

  /** Deletes a resource, or empties a list. */
  #delete(template: string, variables: Variables, isOwn: boolean): Written {
    const listed = this.#resources.members(template, variables);
    if (listed !== undefined) this.#resources.set(template, variables, listed.with([]));
    else if (isOwn) this.#resources.remove(template, variables);
    return { value: undefined };
  }

  /** Changes the resource at the path of the request itself. */
  #changeOwn({ route, variables, body, media }: WriteRequest, given: JsonValue): Written {
    const { method, template } = route;
    const resources = this.#resources;
    const before = resources.get(template, variables);
    // A PUT in the place of a deleted resource makes another one of its kind.
    const known = before ?? resources.fresh(template, variables);
    let value: JsonValue | undefined;
    if (method === 'PUT' && body !== undefined) value = this.#replaced(known ?? {}, body, media);
    else if (method === 'PATCH' && body !== undefined && !Array.isArray(body))
      value = applyMergePatch(before ?? {}, body);
    else value = before === undefined ? undefined : applySetter(before, given);
    if (value === undefined) return { value: before, template };
    if (this.#members.has(template)) value = withIdentity(value, known, template, variables);
    resources.set(template, variables, value);
    return { value, template };
  }

  /** Changes the resource that a path without a GET of its own is about. */
  #changeTarget({ route, variables, media }: WriteRequest, given: JsonValue): Written {
    const resources = this.#resources;
    const target = this.#targetOf(route, media);
    const held = target === undefined ? undefined : resources.get(target, variables);
    if (target !== undefined && resources.isGone(target, variables)) return { fault: 'missing' };
    if (target === undefined || held === undefined) return { value: undefined };
    if (resources.members(target, variables) !== undefined) return { value: undefined };
    const value = applySetter(held, given);
    if (value !== undefined) resources.set(target, variables, value);
    return { value: value ?? held, template: target };
  }

  /** The getter of the same topic, else the only one that answers with the same schema, else the nearest one above. */
  #targetOf(route: OperationRoute, media: MediaType | undefined): string | undefined {
    const hasVariables = (one: OperationRoute): boolean =>
      one.variables.every((name) => route.variables.includes(name));
    const { verb, words } = topicOf(nameOf(route));
    const pair = this.#getters.find(
      ({ topic, ...one }) =>
        verb === 'set' && topic.verb !== 'set' && topic.words === words && hasVariables(one),
    );
    if (pair !== undefined) return pair.template;
    const ref = media === undefined ? undefined : viewOf(this.#document, media.schema, media.home).ref;
    const same = this.#getters.filter(
      (one) => ref !== undefined && this.#refOf(one.template) === ref && hasVariables(one),
    );
    if (same.length === 1) return same[0]?.template;
    const parts = route.template.split('/');
    return parts
      .map((_, index) => parts.slice(0, parts.length - index).join('/') || '/')
      .find((upper) => upper !== route.template && this.#resources.has(upper));
  }

  /** Adds a member to a list, with an identity that no other member has. */
  #create({ route, variables, body }: WriteRequest): Written {
    const { template } = route;
    const resources = this.#resources;
    const listed = resources.members(template, variables);
    if (listed === undefined) return { value: body };
    const { items } = listed;
    const memberPath = this.#memberOf.get(template);
    const variable = pathVariable(/\{([^{}]*)\}$/.exec(memberPath ?? '')?.[1] ?? 'id');
    const fresh =
      memberPath === undefined ? undefined : resources.fresh(memberPath, { ...variables, [variable]: '' });
    const model = isObject(fresh) ? fresh : items.find(isObject);
    const key = model === undefined ? undefined : identityOf(model, variable);
    const given = isObject(body) ? body : undefined;
    if (given === undefined || model === undefined || key === undefined) {
      resources.set(template, variables, listed.with([...items, body ?? null]));
      return { value: body };
    }
    const ids = items.map((item) => (isObject(item) ? item[key] : undefined));
    // The new identity has the form of those that are there.
    const like = items.find(isObject)?.[key] ?? model[key];
    const asked = given[key];
    const id = typeof asked === 'string' || typeof asked === 'number' ? asked : nextId(ids, like);
    if (ids.includes(id)) return { fault: 'exists' };
    const value: JsonObject = { ...model, ...given, [key]: id };
    if (memberPath === undefined) {
      resources.set(template, variables, listed.with([...items, value]));
      return { value };
    }
    const place = { ...variables, [variable]: String(id) };
    resources.set(memberPath, place, value);
    const made = resources.has(memberPath) ? { made: pathOf(memberPath, place), template: memberPath } : {};
    return { value, ...made };
  }

  /** A PUT replaces the whole. The members that a request never sends (`id`, `readOnly`) stay. */
  #replaced(before: JsonValue, body: JsonValue, media: MediaType | undefined): JsonValue {
    if (!isObject(before) || !isObject(body) || !isObject(media?.schema)) return body;
    const schema = layersOf(this.#document, media.schema, media.home);
    const { properties } = shapeOf(this.#document, schema);
    const own = Object.entries(before).filter(([key]) => !properties.has(key));
    return { ...Object.fromEntries(own), ...body };
  }
}

/** A member keeps the name that its path gives it. */
function withIdentity(
  value: JsonValue,
  before: JsonValue | undefined,
  template: string,
  variables: Variables,
): JsonValue {
  const variable = pathVariable(/\{([^{}]*)\}$/.exec(template)?.[1] ?? '');
  const text = variables[variable];
  const model = isObject(before) ? before : value;
  if (!isObject(value) || !isObject(model) || text === undefined) return value;
  const key = identityOf(model, variable);
  return key === undefined ? value : { ...value, [key]: idLike(model[key], text) };
}

function nameOf({ node, template }: OperationRoute): string {
  return textAt(node, 'operationId') ?? template.split('/').at(-1) ?? '';
}
