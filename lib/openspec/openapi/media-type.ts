import type { SpecDocument } from '../spec-document.ts';
import { isObject } from '../../common/json.ts';
import { isBinary, isObjectLike, layersOf } from '../schema/layers.ts';
import { typesOf } from '../schema/types.ts';
import type { MediaType } from './request-shape.ts';

/** How a body is written: `form` is `application/x-www-form-urlencoded`; `text` and `binary` take the whole as one text. */
type BodyKind = 'json' | 'form' | 'multipart' | 'text' | 'binary';

/** One media type that a body may have, and how it is written. */
export interface Choice extends MediaType {
  kind: BodyKind;
  /** The Content-Type header, unless the caller gives another. */
  contentType: string;
}

/**
 * The media types that a body may have, the most sensible first: JSON, then forms, then text, then bytes; one with a
 * schema before one without. The rest are those that take the same arguments.
 */
export function choicesOf(document: SpecDocument, mediaTypes: readonly MediaType[]): Choice[] {
  const ranked = mediaTypes
    .map((media) => choice(document, media))
    .map((media, at) => ({ media, rank: rankOf(media) + at / 1000 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ media }) => media);
  const [best] = ranked;
  if (best === undefined) return [];
  const isWhole = (kind: BodyKind) => kind === 'text' || kind === 'binary';
  const alike = ranked.filter(({ kind }) => (isWhole(best.kind) ? kind === best.kind : !isWhole(kind)));
  return alike.filter((one) => one === best || !isSynonym(one));
}

/** Whether a media type says nothing that JSON's own does not say: `text/json`, `application/*+json`. */
function isSynonym({ kind, name }: Choice): boolean {
  return kind === 'json' && (name.includes('*') || /^text\/json/i.test(name));
}

/** A media type with the way to write it: by its name, and by its schema where the name says too little. */
function choice(document: SpecDocument, media: MediaType): Choice {
  const type = media.name.toLowerCase().split(';')[0]?.trim() ?? '';
  const schema = isObject(media.schema) ? layersOf(document, media.schema, media.home).layers : [];
  const isText = schema.some(({ node }) => typesOf(node)?.includes('string') === true);
  const named = (kind: BodyKind, contentType = media.name): Choice => ({ ...media, kind, contentType });
  if (/^application\/(?:.+\+)?json$|^text\/json$/.test(type)) {
    return named('json', type.includes('*') ? 'application/json' : media.name);
  }
  if (type === 'application/x-www-form-urlencoded') return named('form');
  if (type.startsWith('multipart/')) {
    return named('multipart', type === 'multipart/*' ? 'multipart/form-data' : media.name);
  }
  if (type === 'text/*') return named('text', 'text/plain');
  if (/^text\/|[/+](?:xml|yaml|x-yaml|x-ndjson|jsonl|javascript|graphql|sql)$/.test(type))
    return named('text');
  const isAny = type.includes('*') || type === '';
  if (
    isBinary(schema) ||
    /^(?:image|audio|video|font)\/|octet-stream|zip|pdf|^application\/x-tar/.test(type)
  ) {
    return named('binary', isAny ? 'application/octet-stream' : media.name);
  }
  if (isAny) return isText ? named('text', 'text/plain') : named('json', 'application/json');
  if (isObjectLike(schema)) return named('json');
  return named(isText ? 'text' : 'binary');
}

/** The rank of a media type: the lowest is used when the caller names none. */
function rankOf({ kind, name, schema }: Choice): number {
  const hasSchema = isObject(schema) && Object.keys(schema).length > 0;
  const type = name.toLowerCase();
  const order = { json: 0, form: 4, multipart: 5, text: type.includes('xml') ? 7 : 6, binary: 8 }[kind];
  const json = type.startsWith('application/json') && !type.includes('+') ? 0 : 1;
  const within =
    kind !== 'json' ? 0 : type.includes('merge-patch') ? 1 : type.includes('json-patch') ? 3 : 2 * json;
  return order + within + (hasSchema ? 0 : 20);
}
