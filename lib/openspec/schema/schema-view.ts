import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { SpecDocument } from '../spec-document.ts';

/** A place in a document, its `$ref`s resolved. */
export interface SchemaView {
  /** The value there: undefined where a `$ref` leads nowhere, and where the document says nothing. */
  readonly value: JsonValue | undefined;
  /** The same text for the same place, where a `$ref` led to it. */
  readonly ref: string | undefined;
  /** Whether `nullable: true` stands beside the `$ref`. */
  readonly nullable: boolean;
  /** The view of a value inside this one. */
  at(inner: JsonValue | undefined): SchemaView;
}

/** The view of a value that stands in the file `home` of a document. */
export function viewOf(document: SpecDocument, value: JsonValue | undefined, home: JsonObject): SchemaView {
  const found = document.resolve(value, home);
  return {
    value: found.value,
    ref: found.key,
    nullable: isObject(value) && value['nullable'] === true,
    at: (inner) => viewOf(document, inner, found.home),
  };
}
