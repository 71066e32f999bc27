import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { SpecError } from '../../errors.ts';
import { argumentKeyOf, uniqueNames } from '../names.ts';
import type { Argument, ResolveRef } from '../schema.ts';

/** A method's params: the arguments a model gives, and how they go on the wire. */
export interface Params {
  arguments: Argument[];
  /** Whether each has a wire name of its own. */
  named: boolean;
  byName(args: JsonObject): JsonObject | undefined;
  /** In the document's order, null where one is missing before a later one. */
  byPosition(args: JsonObject): JsonValue[];
}

/** Reads a method's params. Throws a SpecError when one of them cannot be read, since no call could give it. */
export function paramsOf(
  list: JsonValue | undefined,
  base: string,
  resolve: ResolveRef,
  restore: (value: JsonValue) => JsonValue,
): Params {
  if (list !== undefined && !Array.isArray(list)) throw fault('"params" is no list');
  const unique = uniqueNames();
  const wireNames: (string | undefined)[] = [];
  const args = (list ?? []).map((item, index): Argument => {
    const { value: param, base: home } = follow(item, base, resolve, `params/${index}`);
    const wireName = typeof param['name'] === 'string' && param['name'] !== '' ? param['name'] : undefined;
    wireNames.push(wireName);
    const texts = [param['summary'], param['description']].filter(
      (text): text is string => typeof text === 'string' && text !== '',
    );
    return {
      name: unique(argumentKeyOf(wireName ?? `param_${index + 1}`)),
      schema: param['schema'] ?? {},
      required: param['required'] === true,
      base: home,
      ...(texts.length === 0 ? {} : { description: [...new Set(texts)].join('\n') }),
    };
  });
  return {
    arguments: args,
    named: !wireNames.includes(undefined) && new Set(wireNames).size === wireNames.length,
    byName(given) {
      const params: JsonObject = {};
      args.forEach(({ name }, index) => {
        const value = given[name];
        if (value !== undefined) params[wireNames[index] ?? name] = restore(value);
      });
      return Object.keys(params).length === 0 ? undefined : params;
    },
    byPosition(given) {
      const last = args.findLastIndex(({ name }) => given[name] !== undefined);
      return args.slice(0, last + 1).map(({ name }) => restore(given[name] ?? null));
    },
  };
}

/** The object at the end of a chain of refs. Throws a SpecError where it leads nowhere. */
export function follow(
  value: JsonValue | undefined,
  base: string,
  resolve: ResolveRef,
  what: string,
): { value: JsonObject; base: string } {
  let at: { value: JsonValue | undefined; base: string } = { value, base };
  for (let hops = 0; isObject(at.value) && typeof at.value['$ref'] === 'string'; hops++) {
    const ref = at.value['$ref'];
    const next = hops > 32 ? undefined : resolve(ref, at.base);
    if (next === undefined) throw fault(`the $ref "${ref}" of ${what} leads nowhere`);
    at = next;
  }
  if (!isObject(at.value)) throw fault(`${what} is no object`);
  return { value: at.value, base: at.base };
}

function fault(detail: string): SpecError {
  return new SpecError(detail, [{ pointer: '', detail }]);
}
