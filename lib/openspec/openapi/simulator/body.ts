import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { messageOf, type Fault } from '../../../errors.ts';
import { decodeText } from '../../../drivers/decode-text.ts';
import type { SpecDocument } from '../../spec-document.ts';
import type { MediaType, RequestShape } from '../request-shape.ts';
import { faultsOf } from '../../schema/value-faults.ts';
import type { SiteRequest } from '../../../simulate/http-site.ts';
import { kindOf, propertiesOf, valueOfText } from './arguments.ts';
import { isJson } from './reply.ts';
import { viewOf, type SchemaView } from '../../schema/schema-view.ts';

/** A request's body as a value (undefined: no body, or bytes), or the status that refuses it with the faults. */
type ReadBody =
  | { value: JsonValue | undefined; media: MediaType | undefined }
  | { status: 400 | 415; faults: Fault[] };

/** Reads a body as its Content-Type says, and holds it against the document's schema. */
export async function readBody(
  document: SpecDocument,
  shape: RequestShape['body'],
  { headers, body }: SiteRequest,
): Promise<ReadBody> {
  if (shape === undefined) return { value: undefined, media: undefined };
  const refuse = (detail: string, status: 400 | 415 = 400): ReadBody => ({
    status,
    faults: [{ pointer: '/body', detail }],
  });
  if (body.length === 0) {
    return shape.required ? refuse('is missing') : { value: undefined, media: undefined };
  }
  const header = headers['content-type'];
  const type = header?.split(';')[0]?.trim().toLowerCase();
  // Without a Content-Type the first media type is meant.
  const media =
    type === undefined ? shape.mediaTypes[0] : shape.mediaTypes.find(({ name }) => isOf(type, name));
  if (media === undefined) {
    const known = shape.mediaTypes.map(({ name }) => name).join(', ');
    return refuse(`is ${type}; it has to be ${known}`, 415);
  }
  const schema = viewOf(document, media.schema, media.home);
  // The type of the request: the document may have a wildcard.
  const written = type ?? media.name;
  let value: JsonValue | undefined;
  try {
    if (isJson(written)) value = JSON.parse(decodeText(body)) as JsonValue;
    else if (/^multipart\/|x-www-form-urlencoded/.test(written)) {
      value = await formValue(body, header ?? written, schema);
    } else if (written.startsWith('text/')) value = decodeText(body);
  } catch (error) {
    return refuse(`cannot be read as ${written}: ${messageOf(error)}`);
  }
  // A patch holds only some members, so that the schema of the whole does not fit it.
  if (value === undefined || /patch/.test(written)) return { value, media };
  const faults = faultsOf(value, schema);
  if (faults.length === 0) return { value, media };
  return {
    status: 400,
    faults: faults.map(({ pointer, detail }) => ({ pointer: `/body${pointer}`, detail })),
  };
}

/** Whether a type is one of the document, which may have parameters or a wildcard. */
function isOf(type: string, pattern: string): boolean {
  const [wanted = ''] = pattern.toLowerCase().split(';');
  if (wanted.trim() === type) return true;
  return wanted.includes('*') && type.startsWith(wanted.trim().replace(/\*.*$/, ''));
}

/** A form's fields as an object (`a[b]=1` is `{"a":{"b":1}}`). Only the name of a file is kept. */
async function formValue(body: Buffer, type: string, schema: SchemaView): Promise<JsonObject> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const fields: JsonObject = {};
  for (const [key, field] of form) {
    // `tags[]` is the name `tags`; `a[b][c]` leads through objects.
    const [name = '', ...steps] = key.replace(/\[\]$/, '').split(/\]?\[|\]$/);
    const text = typeof field === 'string' ? field : field.name;
    nest(fields, [name, ...steps.filter((step) => step !== '')], text);
  }
  return meant(fields, schema) as JsonObject;
}

/** Puts a text into an object of objects; a second text under one name makes a list. */
function nest(fields: JsonObject, [step = '', ...rest]: readonly string[], text: string): void {
  const before = Object.hasOwn(fields, step) ? fields[step] : undefined;
  if (rest.length > 0) {
    const inner = isObject(before) ? before : {};
    fields[step] = inner;
    nest(inner, rest, text);
  } else if (before === undefined) fields[step] = text;
  else fields[step] = [...(Array.isArray(before) ? before : [before]), text];
}

/** Texts as the values that a schema means. */
function meant(value: JsonValue, schema: SchemaView): JsonValue {
  const node = isObject(schema.value) ? schema.value : {};
  if (isObject(value)) {
    const entries = Object.entries(value);
    if (kindOf(schema) === 'array')
      return entries.map(([, item]) => meant(item ?? null, schema.at(node['items'])));
    const properties = propertiesOf(schema);
    return Object.fromEntries(
      entries.map(([name, item]) => [name, meant(item ?? null, schema.at(properties[name]))]),
    );
  }
  if (kindOf(schema) === 'scalar') return typeof value === 'string' ? valueOfText(value, schema) : value;
  if (typeof value === 'string' && /^\s*[[{]/.test(value)) return jsonOf(value);
  if (kindOf(schema) === 'object') return value;
  const items = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [value];
  return items.map((item) => meant(item, schema.at(node['items'])));
}

/** The JSON value of a form's field, or the field as it is. */
function jsonOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // The text is no JSON: the check against the schema reports it.
    return text;
  }
}
