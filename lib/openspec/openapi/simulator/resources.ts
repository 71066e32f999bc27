import { isObject, type JsonValue } from '../../../common/json.ts';
import { AppError } from '../../../errors.ts';
import { pathVariable } from '../request-shape.ts';
import { overlay } from '../../../simulate/setter.ts';
import { findMember, identified, listIn, type Members } from './members.ts';

/** Path variables by name, decoded. */
export type Variables = Readonly<Record<string, string>>;

/** A path that can be read: its template, and the value that its GET gives before anybody changed it. */
interface Resource {
  template: string;
  first(): JsonValue;
}

/** A resource above a path, with the steps that lead down from it. */
interface UpperResource {
  template: string;
  steps: string[];
}

/** The most values that are kept, deleted ones included. */
const RESOURCES_MAX_COUNT = 10_000;

/**
 * The values of a simulated HTTP device: one for each path that GET knows, made when somebody looks at it first. A path
 * below a list is one of its members, and a path below an object may be one of its properties: a change in one place shows
 * in the other.
 */
export class Resources {
  readonly #byTemplate: ReadonlyMap<string, Resource>;
  readonly #memberOf: ReadonlyMap<string, string>;
  /** The values that were changed, by path. */
  readonly #kept = new Map<string, JsonValue>();
  /** The paths that were deleted. */
  readonly #gone = new Set<string>();

  /** `memberOf` gives the template of a list's members, which may be without a GET of their own. */
  constructor(all: readonly Resource[], memberOf: ReadonlyMap<string, string>) {
    this.#byTemplate = new Map(all.map((resource) => [resource.template, resource]));
    this.#memberOf = memberOf;
  }

  /** Whether GET knows a path. */
  has(template: string): boolean {
    return this.#byTemplate.has(template);
  }

  /** Whether the resource, or one above it, was deleted. */
  isGone(template: string, variables: Variables): boolean {
    return this.#isPathGone(pathOf(template, variables));
  }

  /** The value; undefined when it is deleted, or is no resource. */
  get(template: string, variables: Variables): JsonValue | undefined {
    const path = pathOf(template, variables);
    if (this.#kept.has(path)) return this.#kept.get(path);
    return this.#isPathGone(path) ? undefined : this.fresh(template, variables);
  }

  /** The value as it would be if nobody had changed or deleted it. */
  fresh(template: string, variables: Variables): JsonValue | undefined {
    const resource = this.#byTemplate.get(template);
    let value = resource === undefined ? undefined : identified(resource.first(), template, variables);
    for (const upper of this.#above(template)) {
      const holder = this.get(upper.template, variables);
      if (holder !== undefined) value = this.#seenIn(holder, upper, variables, value);
    }
    return value;
  }

  /** Puts a value in place, and shows it in the resources above. Throws an AppError `limit_reached` when the device is full. */
  set(template: string, variables: Variables, value: JsonValue): void {
    this.#keep(pathOf(template, variables), value);
    this.#showAbove(template, variables, value);
  }

  /** Deletes a resource with all below it, and takes it out of the resources above. */
  remove(template: string, variables: Variables): void {
    const path = pathOf(template, variables);
    for (const key of this.#kept.keys())
      if (key === path || key.startsWith(`${path}/`)) this.#kept.delete(key);
    // A full device takes no more notes: the path shows its first value again.
    if (this.#gone.size + this.#kept.size < RESOURCES_MAX_COUNT) this.#gone.add(path);
    this.#showAbove(template, variables, undefined);
  }

  /** The list that a resource is, or holds, when paths below it are its members. */
  members(template: string, variables: Variables): Members | undefined {
    const value = this.get(template, variables);
    return value === undefined ? undefined : this.#membersOf(template, value);
  }

  /** The values that were changed, by path. */
  changed(): Record<string, JsonValue> {
    return Object.fromEntries(this.#kept);
  }

  /** The resources above a path, the farthest first. */
  #above(template: string): UpperResource[] {
    const parts = template.split('/');
    return parts.flatMap((_, index) => {
      const upper = parts.slice(0, index).join('/') || '/';
      const isUpper = index > 0 && upper !== template && this.#byTemplate.has(upper);
      return isUpper ? [{ template: upper, steps: parts.slice(index) }] : [];
    });
  }

  /** The members of a value that is, or holds, a list with paths below it. */
  #membersOf(template: string, value: JsonValue): Members | undefined {
    return this.#memberOf.has(template) || Array.isArray(value) ? listIn(value, template) : undefined;
  }

  /** A value with the part of it that a resource above shows. */
  #seenIn(
    holder: JsonValue,
    { template, steps }: UpperResource,
    variables: Variables,
    value: JsonValue | undefined,
  ): JsonValue | undefined {
    const [step = '', ...rest] = steps;
    const id = variableOf(step);
    if (id === undefined) {
      // A fixed step is a property of the holder, where it has one of that name.
      if (rest.length > 0 || !isObject(holder) || !Object.hasOwn(holder, step) || value === undefined)
        return value;
      const seen = overlay({ value }, { value: holder[step] });
      return isObject(seen) ? seen['value'] : seen;
    }
    const members = this.#membersOf(template, holder);
    const member = members?.items[findMember(members.items, id, variables[id])];
    if (member === undefined) return value;
    if (value === undefined) return rest.length === 0 ? member : undefined;
    return overlay(value, member);
  }

  /** Whether a path, or one above it, was deleted and not put back. */
  #isPathGone(path: string): boolean {
    if (this.#gone.size === 0 || this.#kept.has(path)) return false;
    for (let upper = path; upper !== ''; upper = upper.slice(0, upper.lastIndexOf('/'))) {
      if (this.#gone.has(upper)) return true;
    }
    return false;
  }

  /** Keeps a value. The number of values is limited: clients could fill the memory with them. */
  #keep(path: string, value: JsonValue): void {
    if (!this.#kept.has(path) && this.#kept.size + this.#gone.size >= RESOURCES_MAX_COUNT)
      throw new AppError(
        'limit_reached',
        `The simulated device holds ${RESOURCES_MAX_COUNT} values, and no more.`,
      );
    this.#kept.set(path, value);
    this.#gone.delete(path);
  }

  /** Shows a value that is new, changed or (undefined) deleted in the lists and objects above it. */
  #showAbove(template: string, variables: Variables, value: JsonValue | undefined): void {
    for (const upper of this.#above(template)) {
      const holder = this.get(upper.template, variables);
      if (holder === undefined) continue;
      const members = this.#membersOf(upper.template, holder);
      const next = holderWith(holder, members, upper.steps, variables, value);
      if (next !== undefined) this.#keep(pathOf(upper.template, variables), next);
    }
  }
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

/** A list or an object after a change below it; undefined when the change does not show there. */
function holderWith(
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
  // A new member shows the same members as the others do.
  const [alike] = items;
  const added: JsonValue | undefined = isObject(alike) && isObject(value) ? overlay(alike, value) : value;
  return members.with([...items, added]);
}
