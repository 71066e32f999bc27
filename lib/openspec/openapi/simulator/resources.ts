import { isObject, type JsonValue } from '../../../common/json.ts';
import { AppError } from '../../../errors.ts';
import { pathVariable } from '../request-shape.ts';
import { overlay } from '../../../simulate/setter.ts';
import { findMember, identified, listIn, type Members } from './members.ts';

/** Path variables by name, decoded. */
export type Variables = Readonly<Record<string, string>>;

/** What can be looked at: a path's template, and what its GET gives as long as nobody has changed it. */
export interface Resource {
  template: string;
  first(): JsonValue;
}

/**
 * What a simulated HTTP device holds: a value for each path that GET knows, made when it is first looked at. A path below
 * a list is one of its members, and a path below an object may be one of its properties: what is changed in one place
 * shows in the other.
 */
export interface Resources {
  has(template: string): boolean;
  /** Whether it was deleted, or what it belongs to. */
  isGone(template: string, variables: Variables): boolean;
  /** The value; undefined when it is deleted, or is no resource. */
  get(template: string, variables: Variables): JsonValue | undefined;
  /** The value as it would be if nobody had changed or deleted it. */
  fresh(template: string, variables: Variables): JsonValue | undefined;
  /** Throws an AppError `limit_reached` when the device is full. */
  set(template: string, variables: Variables, value: JsonValue): void;
  remove(template: string, variables: Variables): void;
  /** The list that a resource is, or holds: when paths below it are its members. */
  members(template: string, variables: Variables): Members | undefined;
  /** What was changed, by path. */
  changed(): Record<string, JsonValue>;
}

const resourcesMaxCount = 10_000;

/** The resources of a document; `memberOf` gives the template of a list's members, which may be without a GET of their own. */
export function createResources(all: readonly Resource[], memberOf: ReadonlyMap<string, string>): Resources {
  const byTemplate = new Map(all.map((resource) => [resource.template, resource]));
  const kept = new Map<string, JsonValue>();
  const gone = new Set<string>();

  /** The resources above a path, the farthest first, with the steps that lead down from each. */
  const above = (template: string): { template: string; steps: string[] }[] => {
    const parts = template.split('/');
    return parts.flatMap((_, index) => {
      const upper = parts.slice(0, index).join('/') || '/';
      return index > 0 && upper !== template && byTemplate.has(upper)
        ? [{ template: upper, steps: parts.slice(index) }]
        : [];
    });
  };

  const membersOf = (template: string, value: JsonValue): Members | undefined =>
    memberOf.has(template) || Array.isArray(value) ? listIn(value, template) : undefined;

  const first = (template: string, variables: Variables): JsonValue | undefined => {
    const resource = byTemplate.get(template);
    let value = resource === undefined ? undefined : identified(resource.first(), template, variables);
    for (const { template: upper, steps } of above(template)) {
      const holder = get(upper, variables);
      const [step = '', ...rest] = steps;
      const id = variableOf(step);
      if (holder === undefined) continue;
      if (id !== undefined) {
        const members = membersOf(upper, holder);
        const member = members?.items[findMember(members.items, id, variables[id])];
        if (member !== undefined)
          value = value === undefined && rest.length === 0 ? member : within(value, member);
      } else if (rest.length === 0 && isObject(holder) && Object.hasOwn(holder, step)) {
        value = value === undefined ? undefined : within({ value }, { value: holder[step] });
        value = isObject(value) ? value['value'] : value;
      }
    }
    return value;
  };

  function get(template: string, variables: Variables): JsonValue | undefined {
    const path = pathOf(template, variables);
    if (kept.has(path)) return kept.get(path);
    return isGone(path) ? undefined : first(template, variables);
  }

  const isGone = (path: string): boolean => {
    if (gone.size === 0 || kept.has(path)) return false;
    for (let upper = path; upper !== ''; upper = upper.slice(0, upper.lastIndexOf('/'))) {
      if (gone.has(upper)) return true;
    }
    return false;
  };

  const keep = (path: string, value: JsonValue): void => {
    if (!kept.has(path) && kept.size + gone.size >= resourcesMaxCount)
      throw new AppError(
        'limit_reached',
        `The simulated device holds ${resourcesMaxCount} values, and no more.`,
      );
    kept.set(path, value);
    gone.delete(path);
  };

  /** Tells the lists and objects above of a value that is new, changed or (undefined) gone. */
  const tell = (template: string, variables: Variables, value: JsonValue | undefined): void => {
    for (const { template: upper, steps } of above(template)) {
      const holder = get(upper, variables);
      if (holder === undefined) continue;
      const next = toldOf(holder, membersOf(upper, holder), steps, variables, value);
      if (next !== undefined) keep(pathOf(upper, variables), next);
    }
  };

  return {
    has: (template) => byTemplate.has(template),
    isGone: (template, variables) => isGone(pathOf(template, variables)),
    get,
    fresh: first,
    set(template, variables, value) {
      keep(pathOf(template, variables), value);
      tell(template, variables, value);
    },
    remove(template, variables) {
      const path = pathOf(template, variables);
      for (const key of kept.keys()) if (key === path || key.startsWith(`${path}/`)) kept.delete(key);
      if (gone.size + kept.size < resourcesMaxCount) gone.add(path);
      tell(template, variables, undefined);
    },
    members(template, variables) {
      const value = get(template, variables);
      return value === undefined ? undefined : membersOf(template, value);
    },
    changed: () => Object.fromEntries(kept),
  };
}

/** A path of a template, its variables filled in. */
export function pathOf(template: string, variables: Variables): string {
  const filled = template.replaceAll(/\{([^{}]*)\}/g, (_, braces: string) =>
    encodeURIComponent(variables[pathVariable(braces)] ?? ''),
  );
  return filled.length > 1 ? filled.replace(/\/$/, '') : filled;
}

/** The templates of members by the template of their list: the same with one variable more. */
export function membersByList(templates: Iterable<string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const template of templates) {
    const at = template.lastIndexOf('/');
    if (variableOf(template.slice(at + 1)) !== undefined) found.set(template.slice(0, at) || '/', template);
  }
  return found;
}

/** The variable that a step of a template is; undefined for any other step. */
function variableOf(step: string): string | undefined {
  const braces = /^\{([^{}]*)\}$/.exec(step)?.[1];
  return braces === undefined ? undefined : pathVariable(braces);
}

function within(value: JsonValue | undefined, over: JsonValue): JsonValue | undefined {
  return value === undefined ? undefined : overlay(value, over);
}

/** What a list or an object becomes by what happened below it; undefined when nothing of it shows there. */
function toldOf(
  holder: JsonValue,
  members: Members | undefined,
  steps: readonly string[],
  variables: Variables,
  value: JsonValue | undefined,
): JsonValue | undefined {
  const [step = '', ...rest] = steps;
  const id = variableOf(step);
  if (id === undefined) {
    if (rest.length > 0 || value === undefined || !isObject(holder)) return undefined;
    return Object.hasOwn(holder, step) ? overlay(holder, { [step]: value }) : undefined;
  }
  if (members === undefined) return undefined;
  const { items } = members;
  const index = findMember(items, id, variables[id]);
  const member = items[index];
  if (member !== undefined) {
    if (value === undefined) return rest.length > 0 ? undefined : members.with(items.toSpliced(index, 1));
    return members.with(items.with(index, isObject(member) ? overlay(member, value) : member));
  }
  if (value === undefined || rest.length > 0) return undefined;
  const [alike] = items;
  const added: JsonValue | undefined = isObject(alike) && isObject(value) ? overlay(alike, value) : value;
  return members.with([...items, added]);
}
