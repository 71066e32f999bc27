import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { objectAt, own, textAt } from '../read.ts';
import type { SchemaView } from './schema-view.ts';
import { faultsOf } from './value-faults.ts';

/** The beginning of every `$ref` in the parameters of a tool. */
const DEFS = '#/$defs/';

/**
 * The usable defaults of some arguments, by key. A call may leave out a required argument that is in here: its default is
 * sent. A default that does not fit its own schema is not usable: nothing is sent that was not checked.
 */
export function defaultsOf(parameters: JsonSchema, keys: readonly string[]): JsonObject {
  const properties = objectAt(parameters, 'properties');
  return Object.fromEntries(
    keys.flatMap((key) => {
      const schema = viewIn(parameters, own(properties, key));
      const value = isObject(schema.value) ? own(schema.value, 'default') : undefined;
      return value === undefined || faultsOf(value, schema).length > 0 ? [] : [[key, value]];
    }),
  );
}

/** The view of a schema in a tool's parameters, its `$ref` into their `$defs` followed. */
export function viewIn(parameters: JsonSchema, schema: JsonValue | undefined): SchemaView {
  const value = isObject(schema) ? targetOf(parameters, schema) : schema;
  return { value, ref: undefined, nullable: false, at: (inner) => viewIn(parameters, inner) };
}

function targetOf(parameters: JsonSchema, schema: JsonSchema): JsonSchema {
  const definitions = objectAt(parameters, '$defs');
  let target = schema;
  // A chain of definitions has at most as many steps as there are definitions.
  for (let left = Object.keys(definitions ?? {}).length; left > 0; left--) {
    const ref = textAt(target, '$ref');
    if (ref?.startsWith(DEFS) !== true) break;
    target = objectAt(definitions, ref.slice(DEFS.length)) ?? {};
  }
  return target;
}
