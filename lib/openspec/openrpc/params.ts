import type { JsonObject, JsonValue } from '../../common/json.ts';
import { SpecError } from '../../errors.ts';
import { argumentKeyOf, uniqueNames } from '../names.ts';
import type { SchemaArgument } from '../schema/argument-schemas.ts';
import type { LocatedObject, SpecDocument } from '../spec-document.ts';

/** A method's params: the arguments a model gives, and how they go on the wire. */
export interface MethodParams {
  arguments: SchemaArgument[];
  /** Whether each param has a name of its own on the wire. */
  named: boolean;
  /** The params by name; undefined when no argument is given. The members inside the arguments have their names on the wire. */
  byName(args: JsonObject): JsonObject | undefined;
  /** The params in the document's order; undefined when no argument is given. Null stands for a missing one before a later one. */
  byPosition(args: JsonObject): JsonValue[] | undefined;
}

/** Reads a method's params that stand in the file `home`. Throws a SpecError for params that cannot be read: no call could give them. */
export function readMethodParams(
  document: SpecDocument,
  list: JsonValue | undefined,
  home: JsonObject,
): MethodParams {
  if (list !== undefined && !Array.isArray(list)) throw fault('"params" is no list');
  const unique = uniqueNames();
  const wireNames: (string | undefined)[] = [];
  const args = (list ?? []).map((item, index): SchemaArgument => {
    const param = objectAtRef(document, item, home, `params/${index}`);
    const { name, schema, required } = param.node;
    const wireName = typeof name === 'string' && name !== '' ? name : undefined;
    wireNames.push(wireName);
    return {
      name: unique(argumentKeyOf(wireName ?? `param_${index + 1}`)),
      schema: schema ?? {},
      required: required === true,
      home: param.home,
      ...describe(param.node),
    };
  });
  return {
    arguments: args,
    named: !wireNames.includes(undefined) && new Set(wireNames).size === wireNames.length,
    byName(given) {
      const params: JsonObject = {};
      args.forEach(({ name }, index) => {
        const value = given[name];
        if (value !== undefined) params[wireNames[index] ?? name] = value;
      });
      return Object.keys(params).length === 0 ? undefined : params;
    },
    byPosition(given) {
      const last = args.findLastIndex(({ name }) => given[name] !== undefined);
      // Strict servers refuse an empty list where a method has no params.
      if (last < 0) return undefined;
      return args.slice(0, last + 1).map(({ name }) => given[name] ?? null);
    },
  };
}

/** The summary and the description of a param, each once. */
function describe({ summary, description }: JsonObject): { description?: string } {
  const texts = [summary, description].filter(
    (text): text is string => typeof text === 'string' && text.trim() !== '',
  );
  return texts.length === 0 ? {} : { description: [...new Set(texts)].join('\n') };
}

/** The object at the end of a chain of `$ref`s; `what` names it in the SpecError for a chain that leads nowhere. */
export function objectAtRef(
  document: SpecDocument,
  value: JsonValue | undefined,
  home: JsonObject,
  what: string,
): LocatedObject {
  const { missing } = document.resolve(value, home);
  if (missing !== undefined) throw fault(`the $ref "${missing}" of ${what} leads nowhere`);
  const found = document.object(value, home);
  if (found === undefined) throw fault(`${what} is no object`);
  return found;
}

function fault(detail: string): SpecError {
  return new SpecError(detail, [{ pointer: '', detail }]);
}
