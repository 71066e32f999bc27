import { isObject, type JsonObject, type JsonValue } from '../../lib/common/json.ts';
import type { SchemaView } from '../../lib/openspec/schema/schema-view.ts';

/** A view of a schema whose `$ref`s are `#/$defs/…` of `root`, for specs. */
export function viewOf(
  value: JsonValue | undefined,
  root: JsonObject = isObject(value) ? value : {},
): SchemaView {
  let at = value;
  let ref: string | undefined;
  for (let hops = 0; hops < 20 && isObject(at) && typeof at['$ref'] === 'string'; hops++) {
    ref = at['$ref'];
    const { $defs } = root;
    at = isObject($defs) ? $defs[ref.replace('#/$defs/', '')] : undefined;
  }
  const nullable = isObject(value) && value['nullable'] === true;
  return { value: at, ref, nullable, at: (inner) => viewOf(inner, root) };
}
