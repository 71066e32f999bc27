import { formatExactly } from '../../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { SpecDocument } from '../spec-document.ts';
import { flagAt, objectAt, textAt } from '../read.ts';
import type { ParameterPlace } from './request-shape.ts';

/** How a value is written [OpenAPI 3.1.1 4.8.12.6]; Swagger 2.0's collection formats are the same by other names. */
export interface Style {
  style: StyleName;
  explode: boolean;
  allowReserved: boolean;
  /** Set: the value is written whole, as this media type. */
  mediaType?: string;
}

/** The styles of OpenAPI 3, and `tabDelimited` for Swagger 2.0's `tsv`. */
type StyleName =
  | 'simple'
  | 'label'
  | 'matrix'
  | 'form'
  | 'spaceDelimited'
  | 'pipeDelimited'
  | 'tabDelimited'
  | 'deepObject'
  | 'cookie';

/** The collection formats of Swagger 2.0 as styles. */
const COLLECTIONS: Record<string, { style: StyleName; explode: boolean }> = {
  csv: { style: 'form', explode: false },
  ssv: { style: 'spaceDelimited', explode: false },
  tsv: { style: 'tabDelimited', explode: false },
  pipes: { style: 'pipeDelimited', explode: false },
  multi: { style: 'form', explode: true },
};

/** The styles of each place; the first one counts where the document names none. */
const STYLES: Record<ParameterPlace, readonly StyleName[]> = {
  path: ['simple', 'label', 'matrix'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
  cookie: ['form', 'cookie'],
  querystring: ['form'],
};

/** The style of a parameter; one that its place does not know is the place's own. */
export function styleOf(
  document: SpecDocument,
  parameter: { in: ParameterPlace; node: JsonObject; home: JsonObject },
): Style {
  const { node } = parameter;
  const [mediaType] = Object.keys(objectAt(node, 'content') ?? {});
  const [fallback = 'form', ...others] = STYLES[parameter.in];
  if (document.isSwagger2) {
    const collection = COLLECTIONS[textAt(node, 'collectionFormat') ?? 'csv'] ?? {
      style: 'form',
      explode: false,
    };
    const style = parameter.in === 'query' ? collection.style : fallback;
    return { style, explode: parameter.in === 'query' && collection.explode, allowReserved: false };
  }
  const named = textAt(node, 'style');
  const style = [fallback, ...others].find((one) => one === named) ?? fallback;
  return {
    style,
    explode: flagAt(node, 'explode') ?? (style === 'form' || style === 'cookie'),
    allowReserved: flagAt(node, 'allowReserved') ?? false,
    ...(mediaType === undefined ? {} : { mediaType }),
  };
}

/** How a form field is written that has an Encoding Object; undefined when it says nothing about it [OpenAPI 3.1.1 4.8.15]. */
export function encodingStyle(encoding: JsonObject | undefined): Style | undefined {
  if (encoding === undefined) return undefined;
  const collection = textAt(encoding, 'collectionFormat');
  if (collection !== undefined) {
    return { ...(COLLECTIONS[collection] ?? { style: 'form', explode: false }), allowReserved: false };
  }
  const named = textAt(encoding, 'style');
  const explode = flagAt(encoding, 'explode');
  const allowReserved = flagAt(encoding, 'allowReserved');
  if (named === undefined && explode === undefined && allowReserved === undefined) return undefined;
  const style = STYLES.query.find((one) => one === named) ?? 'form';
  return { style, explode: explode ?? style === 'form', allowReserved: allowReserved ?? false };
}

/** `name=value` pairs of a query or a form, names and values encoded; several for an exploded value, none for an empty object. */
export function writePairs(name: string, value: JsonValue, style: Style): string[] {
  const encode = encoderOf(style);
  const key = encodePart(name);
  if (style.style === 'deepObject' && typeof value === 'object' && value !== null)
    return deepPairs(key, value, encode);
  if (Array.isArray(value)) {
    // Without a pair, an empty list would look like a missing one.
    if (value.length === 0) return [`${key}=`];
    if (style.explode) return value.map((item) => `${key}=${encode(plainText(item))}`);
    return [`${key}=${value.map((item) => encode(plainText(item))).join(DELIMITERS[style.style] ?? ',')}`];
  }
  if (isObject(value)) {
    const entries = present(value);
    if (style.explode && style.style !== 'deepObject') {
      return entries.map(([part, item]) => `${encodePart(part)}=${encode(plainText(item))}`);
    }
    const flat = entries.flatMap(([part, item]) => [encodePart(part), encode(plainText(item))]);
    return [`${key}=${flat.join(DELIMITERS[style.style] ?? ',')}`];
  }
  return [`${key}=${encode(plainText(value))}`];
}

/** Encoded: none of these characters may be in a query as it is [RFC 3986 3.4]. */
const DELIMITERS: Partial<Record<StyleName, string>> = {
  spaceDelimited: '%20',
  pipeDelimited: '%7C',
  tabDelimited: '%09',
};

/** The `key[a][b]=value` pairs of a nested value. */
function deepPairs(key: string, value: JsonValue, encode: (text: string) => string): string[] {
  if (Array.isArray(value)) return value.flatMap((item, at) => deepPairs(`${key}%5B${at}%5D`, item, encode));
  if (isObject(value)) {
    return present(value).flatMap(([part, item]) =>
      deepPairs(`${key}%5B${encodePart(part)}%5D`, item, encode),
    );
  }
  return [`${key}=${encode(plainText(value))}`];
}

/** A path variable's text, encoded; empty when the value is [RFC 6570 3.2.2, 3.2.5, 3.2.7]. */
export function writePath(name: string, value: JsonValue, style: Style): string {
  const encode = encoderOf(style);
  const key = encodePart(name);
  const isMatrix = style.style === 'matrix';
  const lead = isMatrix ? ';' : style.style === 'label' ? '.' : '';
  const between = style.explode && lead !== '' ? lead : ',';
  const named = (text: string) => (isMatrix ? `;${key}${text === '' ? '' : `=${text}`}` : `${lead}${text}`);
  if (Array.isArray(value)) {
    const items = value.map((item) => encode(plainText(item)));
    if (items.length === 0) return '';
    if (isMatrix && style.explode) return items.map((item) => `;${key}=${item}`).join('');
    return named(items.join(between));
  }
  if (isObject(value)) {
    const entries = present(value).map(([part, item]) => [encodePart(part), encode(plainText(item))]);
    if (entries.length === 0) return '';
    if (style.explode) return lead + entries.map((pair) => pair.join('=')).join(between);
    return named(entries.flat().join(','));
  }
  return named(encode(plainText(value)));
}

/** A header's text [OpenAPI: simple]. Characters that no header may hold are percent-encoded. */
export function writeHeader(value: JsonValue, style: Style): string {
  if (Array.isArray(value)) return value.map((item) => headerText(plainText(item))).join(',');
  if (isObject(value)) {
    const joined = present(value).map(
      ([part, item]) => `${part}${style.explode ? '=' : ','}${plainText(item)}`,
    );
    return headerText(joined.join(','));
  }
  return headerText(plainText(value));
}

/** `name=value` pairs of the Cookie header. */
export function writeCookies(name: string, value: JsonValue, style: Style): string[] {
  if (style.style === 'form') {
    const pairs = writePairs(name, value, style);
    return pairs.length === 0 ? [] : [pairs.join('&')];
  }
  // The style `cookie` of OpenAPI 3.2 encodes nothing.
  if (Array.isArray(value) && style.explode) return value.map((item) => `${name}=${plainText(item)}`);
  if (isObject(value) && style.explode)
    return present(value).map(([part, item]) => `${part}=${plainText(item)}`);
  if (isObject(value))
    return [
      `${name}=${present(value)
        .flatMap(([part, item]) => [part, plainText(item)])
        .join(',')}`,
    ];
  return [`${name}=${Array.isArray(value) ? value.map(plainText).join(',') : plainText(value)}`];
}

/** A value as text: a text as it is, a number or boolean as JSON writes it, a nested value as JSON. */
export function plainText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : formatExactly(value);
}

/** Percent-encodes all but unreserved characters [RFC 3986 2.3]. */
export function encodePart(text: string): string {
  // A lone surrogate is no character; it becomes the replacement character.
  const encoded = encodeURIComponent(/[\uD800-\uDFFF]/.test(text) ? Buffer.from(text).toString() : text);
  return encoded.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Keeps reserved characters and percent-encoded triples. `#`, `&` and `+` are encoded: they would change the meaning. */
function encodeReserved(text: string): string {
  return text.replace(/%[0-9a-fA-F]{2}|[:/?@[\]!$'()*,;=]|[^]/gu, (part) =>
    part.length === 3 && part.startsWith('%')
      ? part
      : /[:/?@[\]!$'()*,;=]/.test(part)
        ? part
        : encodePart(part),
  );
}

/** `allowReserved` keeps most of the reserved characters [RFC 3986 2.2]. */
function encoderOf({ allowReserved }: Style): (text: string) => string {
  return allowReserved ? encodeReserved : encodePart;
}

/** Characters that no header may hold are encoded. */
function headerText(text: string): string {
  return text.replace(/[^\t\x20-\x7e]/gu, (char) => encodePart(char));
}

/** The members that are there: a value may be undefined. */
function present(value: JsonObject): [string, JsonValue][] {
  return Object.entries(value).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
}
