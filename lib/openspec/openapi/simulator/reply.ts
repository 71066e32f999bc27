import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import type { SpecDocument } from '../../spec-document.ts';
import { objectAt, own, textsAt } from '../../read.ts';
import type { OperationRoute } from './operation-routes.ts';
import { viewOf, type SchemaView } from '../../schema/schema-view.ts';

/** The answer of an operation in one case. */
export interface Reply {
  status: number;
  /** Missing for an answer without a body. */
  content?: {
    type: string;
    schema: SchemaView;
    /** The example that the document gives for this answer. */
    example?: JsonValue;
  };
}

/** The answer of an operation that succeeds: the lowest of its 2xx, else `default`, else any other. */
export function successReplyOf(document: SpecDocument, route: OperationRoute): Reply {
  const responses = Object.entries(objectAt(route.node, 'responses') ?? {});
  // In this order: 200 to 299, 2XX, `default`, any other.
  const rank = (key: string): number =>
    /^2\d\d$/.test(key)
      ? Number(key)
      : key.startsWith('2')
        ? 300
        : key === 'default'
          ? 301
          : 302 + (Number(key) || 999);
  const [best] = responses.toSorted(([a], [b]) => rank(a) - rank(b));
  if (best === undefined) return { status: 200 };
  const [key] = best;
  const status = /^[23]\d\d$/.test(key) ? Number(key) : 200;
  // An operation that only ever fails is not one that fails here.
  if (/^[145]/.test(key)) return { status };
  return replyOf(document, route, best[1], status);
}

/** The answer of an operation with an error status; undefined where the document does not describe it. */
export function errorReplyOf(
  document: SpecDocument,
  route: OperationRoute,
  status: number,
): Reply | undefined {
  const responses = objectAt(route.node, 'responses');
  const value =
    own(responses, String(status)) ?? own(responses, `${String(status)[0]}XX`) ?? own(responses, 'default');
  return value === undefined ? undefined : replyOf(document, route, value, status);
}

/** The reply in a Response Object, in its best media type. */
function replyOf(
  document: SpecDocument,
  route: OperationRoute,
  value: JsonValue | undefined,
  status: number,
): Reply {
  const response = viewOf(document, value, route.home);
  if (!isObject(response.value)) return { status };
  if (document.isSwagger2) return swagger2Reply(document, route, response, response.value, status);
  const media = Object.entries(objectAt(response.value, 'content') ?? {});
  const [best] = media.toSorted(([a], [b]) => rankOf(a) - rankOf(b));
  if (best === undefined) return { status };
  const content = response.at(best[1]);
  const node = isObject(content.value) ? content.value : {};
  const example = exampleOf(content, node);
  return {
    status,
    content: {
      type: best[0],
      schema: content.at(node['schema'] ?? node['itemSchema']),
      ...(example === undefined ? {} : { example }),
    },
  };
}

/** The same for Swagger 2.0, where the media types stand beside the responses. */
function swagger2Reply(
  document: SpecDocument,
  { node }: OperationRoute,
  response: SchemaView,
  value: JsonObject,
  status: number,
): Reply {
  if (value['schema'] === undefined) return { status };
  const produces = [node, document.root]
    .map((one) => textsAt(one, 'produces'))
    .find((list) => list.length > 0);
  const [type = 'application/json'] = (produces ?? []).toSorted((a, b) => rankOf(a) - rankOf(b));
  const example = own(objectAt(value, 'examples'), type);
  return {
    status,
    content: { type, schema: response.at(value['schema']), ...(example === undefined ? {} : { example }) },
  };
}

/** The example of a Media Type Object, else the first of its examples. */
function exampleOf(content: SchemaView, node: JsonObject): JsonValue | undefined {
  if (node['example'] !== undefined) return node['example'];
  const [first] = Object.values(objectAt(node, 'examples') ?? {});
  const { value } = content.at(first);
  return isObject(value) ? (value['dataValue'] ?? value['value']) : undefined;
}

/** JSON first, then text, then all else. */
function rankOf(type: string): number {
  if (/^application\/json\b/i.test(type)) return 0;
  if (/[/+]json\b/i.test(type)) return 1;
  return /^\*|^application\/\*/.test(type)
    ? 2
    : /^text\/plain/i.test(type)
      ? 3
      : /^text\//i.test(type)
        ? 4
        : 5;
}

/** Whether a body of this media type is JSON. */
export function isJson(type: string): boolean {
  return /[/+]json\b|^(?:\*|application)\/\*/i.test(type);
}

/** A value as a body of a media type: its Content-Type, and its text or bytes. */
export function writeBody(value: JsonValue, type: string): { type: string; body: string | Buffer } {
  const json = JSON.stringify(value);
  const plain = typeof value === 'string' ? value : json;
  if (isJson(type)) return { type: type.includes('*') ? 'application/json' : type, body: json };
  if (/^text\/event-stream/i.test(type)) return { type, body: `data: ${json}\n\n` };
  if (/ndjson|jsonl|json-seq|yaml/i.test(type)) return { type, body: `${json}\n` };
  if (/^image\/svg/i.test(type)) return { type, body: '<svg xmlns="http://www.w3.org/2000/svg"/>' };
  if (/[/+]xml\b/i.test(type)) return { type, body: `<?xml version="1.0"?>${xmlOf('value', value)}` };
  if (/^text\//i.test(type)) return { type: type.includes('*') ? 'text/plain' : type, body: plain };
  if (/^image\/(?:png|\*)/i.test(type)) return { type: 'image/png', body: Buffer.from(pixel, 'base64') };
  return { type: type.includes('*') ? 'application/octet-stream' : type, body: Buffer.from(plain) };
}

/** A PNG of one pixel, in base64. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

/** A value as XML with its keys as tags: enough for a client to see an answer. */
function xmlOf(name: string, value: JsonValue): string {
  const tag = /^[A-Za-z_][\w.-]*$/.test(name) ? name : 'item';
  if (Array.isArray(value)) return `<${tag}>${value.map((item) => xmlOf('item', item)).join('')}</${tag}>`;
  if (isObject(value)) {
    const inner = Object.entries(value).map(([key, item]) => xmlOf(key, item ?? null));
    return `<${tag}>${inner.join('')}</${tag}>`;
  }
  const text = value === null ? '' : String(value);
  return `<${tag}>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${tag}>`;
}
