import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { SpecDocument } from '../../openspec/openapi/document.ts';
import type { ResolveRef } from '../../openspec/schema.ts';

/** A place in a document, its `$ref`s followed. */
export interface SchemaView {
  /** What stands there: undefined where a `$ref` leads nowhere, or where nothing is said. */
  readonly value: JsonValue | undefined;
  /** The same text for the same place, where a `$ref` led to it. */
  readonly ref: string | undefined;
  /** Whether `nullable: true` stands beside the `$ref`. */
  readonly nullable: boolean;
  /** What stands inside it: `inner` is a part of `value`. */
  at(inner: JsonValue | undefined): SchemaView;
}

/** A view of an OpenAPI document's part that stands in the file `home`. */
export function openapiView(
  document: SpecDocument,
  value: JsonValue | undefined,
  home: JsonObject,
): SchemaView {
  const found = document.follow(value, home);
  return {
    value: found.value,
    ref: found.key,
    nullable: isNullable(value),
    at: (inner) => openapiView(document, inner, found.home),
  };
}

/** A view of an OpenRPC document's part that stands in the file `base`. */
export function openrpcView(resolve: ResolveRef, value: JsonValue | undefined, base: string): SchemaView {
  let at: { value: JsonValue | undefined; base: string; id?: string } = { value, base };
  for (let hops = 0; isObject(at.value) && typeof at.value['$ref'] === 'string'; hops++) {
    at = (hops > 32 ? undefined : resolve(at.value['$ref'], at.base)) ?? { value: undefined, base };
  }
  return {
    value: at.value,
    ref: at.id,
    nullable: isNullable(value),
    at: (inner) => openrpcView(resolve, inner, at.base),
  };
}

function isNullable(value: JsonValue | undefined): boolean {
  return isObject(value) && value['nullable'] === true;
}
