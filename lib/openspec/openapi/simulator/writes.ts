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
import { topicOf } from '../../../simulate/topic.ts';

/** A request that may change something: its body and its query as values. */
export interface WriteRequest {
  route: OperationRoute;
  variables: Variables;
  body: JsonValue | undefined;
  media: MediaType | undefined;
  query: JsonObject;
}

/** What a write came to: `missing` when what it is about is deleted, `exists` when it would be made twice. */
export type Written =
  | { fault: 'missing' | 'exists' }
  | {
      /** What was written, as its GET gives it now; undefined when it is deleted or nothing is known of it. */
      value: JsonValue | undefined;
      /** Whose GET that is. */
      template?: string;
      /** Where what was made can be found. */
      made?: string;
    };

export interface WritesOptions {
  document: SpecDocument;
  routes: readonly OperationRoute[];
  resources: Resources;
  memberOf: ReadonlyMap<string, string>;
  /** What a GET answers with, where a `$ref` says so. */
  refOf(template: string): string | undefined;
}

/** Opens what POST, PUT, PATCH and DELETE do to the resources of a document. */
export function createWrites(options: WritesOptions): (request: WriteRequest) => Written {
  const { document, routes, resources, memberOf, refOf } = options;
  const getters = routes
    .filter(({ method, template }) => method === 'GET' && resources.has(template))
    .map((route) => ({ ...route, topic: topicOf(nameOf(route)) }));
  const members = new Set([...memberOf].flatMap(([list, member]) => (resources.has(list) ? [member] : [])));

  /** The resource that a path without a GET of its own is about. */
  const targetOf = (route: OperationRoute, media: MediaType | undefined): string | undefined => {
    const sameVariables = (one: OperationRoute): boolean =>
      one.variables.every((name) => route.variables.includes(name));
    const { verb, words } = topicOf(nameOf(route));
    const pair = getters.find(
      ({ topic, ...one }) =>
        verb === 'set' && topic.verb !== 'set' && topic.words === words && sameVariables(one),
    );
    if (pair !== undefined) return pair.template;
    const ref = media === undefined ? undefined : viewOf(document, media.schema, media.home).ref;
    const same = getters.filter(
      (one) => ref !== undefined && refOf(one.template) === ref && sameVariables(one),
    );
    if (same.length === 1) return same[0]?.template;
    const parts = route.template.split('/');
    return parts
      .map((_, index) => parts.slice(0, parts.length - index).join('/') || '/')
      .find((upper) => upper !== route.template && resources.has(upper));
  };

  const create = ({ route, variables, body }: WriteRequest): Written => {
    const { template } = route;
    const listed = resources.members(template, variables);
    if (listed === undefined) return { value: body };
    const { items } = listed;
    const memberPath = memberOf.get(template);
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
  };

  /** PUT says all of what it is about; what a request never says (`id`, `readOnly`) stays. */
  const replaced = (before: JsonValue, body: JsonValue, media: MediaType | undefined): JsonValue => {
    if (!isObject(before) || !isObject(body) || !isObject(media?.schema)) return body;
    const { properties } = shapeOf(document, layersOf(document, media.schema, media.home));
    const own = Object.entries(before).filter(([key]) => !properties.has(key));
    return { ...Object.fromEntries(own), ...body };
  };

  return (request) => {
    const { route, variables, body, media, query } = request;
    const { method, template } = route;
    const isMember = members.has(template);
    const isOwn = resources.has(template) || isMember;
    if (method === 'POST' && resources.members(template, variables) !== undefined) return create(request);
    // What is put where something was deleted is there again.
    if (isOwn && method !== 'PUT' && resources.isGone(template, variables)) return { fault: 'missing' };
    const before = resources.get(template, variables);
    if (method === 'DELETE') {
      const listed = resources.members(template, variables);
      if (listed !== undefined) resources.set(template, variables, listed.with([]));
      else if (isOwn) resources.remove(template, variables);
      return { value: undefined };
    }
    const given: JsonValue | undefined = isObject(body) || body === undefined ? { ...query, ...body } : body;
    if (isOwn) {
      // What is put where something was deleted is another one of its kind.
      const known = before ?? resources.fresh(template, variables);
      let value: JsonValue | undefined;
      if (method === 'PUT' && body !== undefined) value = replaced(known ?? {}, body, media);
      else if (method === 'PATCH' && body !== undefined && !Array.isArray(body))
        value = applyMergePatch(before ?? {}, body);
      else value = before === undefined ? undefined : applySetter(before, given);
      if (value === undefined) return { value: before, template };
      if (isMember) value = withIdentity(value, known, template, variables);
      resources.set(template, variables, value);
      return { value, template };
    }
    const target = targetOf(route, media);
    const held = target === undefined ? undefined : resources.get(target, variables);
    if (target !== undefined && resources.isGone(target, variables)) return { fault: 'missing' };
    if (target === undefined || held === undefined) return { value: undefined };
    if (resources.members(target, variables) !== undefined) return { value: undefined };
    const value = applySetter(held, given);
    if (value !== undefined) resources.set(target, variables, value);
    return { value: value ?? held, template: target };
  };
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
