import { withoutEnd } from '../../common/without-end.ts';
import { randomBytes } from 'node:crypto';
import { formatExactly } from '../../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { AppError } from '../../errors.ts';
import { isBinary, type Layers } from '../schema/layers.ts';
import type { Choice } from './media-type.ts';
import { objectAt, textAt } from '../read.ts';
import { encodingStyle, encodePart, plainText, writePairs } from './styles.ts';

/** A body as it goes over the wire. */
interface EncodedBody {
  contentType: string;
  bytes: string | Buffer;
}

/** Writes a body; throws an AppError `invalid_request` that says which argument it cannot write, and why. */
export function encodeBody(
  choice: Choice,
  value: JsonValue,
  layersOf: (property: string | undefined) => Layers | undefined,
): EncodedBody {
  const { contentType, encoding, kind } = choice;
  switch (kind) {
    case 'json':
      return { contentType, bytes: formatExactly(value) };
    case 'form':
      if (!isObject(value)) return { contentType, bytes: formEncoded(plainText(value)) };
      return { contentType, bytes: encodeForm(value, encoding) };
    case 'multipart':
      return encodeMultipart(contentType, isObject(value) ? value : { body: value }, encoding, layersOf);
    case 'text':
      return { contentType, bytes: plainText(value) };
    case 'binary':
      return encodeFile(contentType, value);
    default:
      return kind satisfies never;
  }
}

/** A body of bytes. Where the type has a wildcard, a `data:` URL says it. */
function encodeFile(contentType: string, value: JsonValue): EncodedBody {
  const { type, bytes } = fileOf(value, 'body');
  return { contentType: contentType.includes('*') ? type : contentType, bytes };
}

/** A form's text, for a whole query string as well. */
export function encodeForm(value: JsonObject, encoding?: JsonObject): string {
  const pairs: string[] = [];
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    const how = objectAt(encoding, name);
    const style = encodingStyle(how);
    // Without an encoding, a nested object goes as JSON [OpenAPI 3.1.1 4.8.15].
    const asJson = style === undefined && (isObject(field) || /json/.test(textAt(how, 'contentType') ?? ''));
    if (asJson) pairs.push(`${encodePart(name)}=${encodePart(formatExactly(field))}`);
    else
      pairs.push(...writePairs(name, field, style ?? { style: 'form', explode: true, allowReserved: false }));
  }
  // A form writes a space as a plus sign [URL Standard 5.2].
  return pairs.join('&').replaceAll('%20', '+');
}

/** A text that looks like an encoded form is sent as it is. */
function formEncoded(text: string): string {
  return /^[\w.~%+-]+=/.test(text) ? text : encodePart(text);
}

/** Writes a multipart body [RFC 7578]: a list as several parts, an object as JSON, a file with its bytes. */
function encodeMultipart(
  contentType: string,
  value: JsonObject,
  encoding: JsonObject | undefined,
  layersOf: (property: string | undefined) => Layers | undefined,
): EncodedBody {
  const boundary = `----lite-agent-${randomBytes(16).toString('hex')}`;
  const isForm = /^multipart\/form-data/i.test(contentType);
  const pieces: (string | Buffer)[] = [];
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    const layers = layersOf(name)?.layers ?? [];
    const type = textAt(objectAt(encoding, name), 'contentType')?.split(',')[0]?.trim();
    const isFile =
      isBinary(layers) ||
      layers.some(({ node }) => isObject(node['items']) && isBinary([{ node: node['items'], home: node }]));
    // A part of another type, such as `image/png`, is a file when its text can be base64.
    const isTyped = type !== undefined && !/json|text|xml|\*/.test(type);
    for (const item of Array.isArray(field) && !/json/.test(type ?? '') ? field : [field]) {
      const disposition = `Content-Disposition: ${isForm ? 'form-data' : 'attachment'}; name="${quoted(name)}"`;
      if (isFile || (isTyped && typeof item === 'string' && isBase64(item))) {
        const file = fileOf(item, name);
        const partType = type === undefined || type.includes('*') ? file.type : type;
        pieces.push(
          `--${boundary}\r\n${disposition}; filename="${quoted(name)}"\r\nContent-Type: ${partType}\r\n\r\n`,
        );
        pieces.push(file.bytes, '\r\n');
        continue;
      }
      const partType = type ?? (typeof item === 'object' && item !== null ? 'application/json' : undefined);
      const typeLine = partType === undefined ? '' : `\r\nContent-Type: ${partType}`;
      const text = /json/.test(type ?? '') ? formatExactly(item) : plainText(item);
      pieces.push(`--${boundary}\r\n${disposition}${typeLine}\r\n\r\n${text}\r\n`);
    }
  }
  pieces.push(`--${boundary}--\r\n`);
  return {
    contentType: `${contentType.split(';')[0]?.trim()}; boundary=${boundary}`,
    bytes: Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))),
  };
}

/** A file's bytes: base64 as such or as a `data:` URL. */
function fileOf(value: JsonValue, name: string): { bytes: Buffer; type: string } {
  const [, type, data] = /^data:([^,;]+)?(?:;[^,]*)?;base64,(.*)$/s.exec(plainText(value)) ?? [];
  const text = data ?? value;
  if (typeof text !== 'string' || !isBase64(text)) {
    throw new AppError('invalid_request', `"${name}" has to be the file's bytes in base64.`);
  }
  return { bytes: Buffer.from(text, 'base64'), type: type ?? 'application/octet-stream' };
}

/** Base64 in both alphabets, also with line breaks and without padding. */
function isBase64(text: string): boolean {
  const plain = text.replace(/\s+/g, '');
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(plain) && withoutEnd(plain, '=').length % 4 !== 1;
}

/** A name inside quotation marks [HTML Standard 4.10.21.8]. */
function quoted(name: string): string {
  return name.replace(/["\r\n]/g, (char) => encodePart(char));
}
