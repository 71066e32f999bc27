import { textAt } from '../read.ts';
import { shorten } from '../shorten.ts';
import type { SchemaDialect } from './dialect.ts';
import { isBinary, type Layer } from './layers.ts';

/** Tells a model how to give a file. It is never cut off: a call that does not know it fails. */
const FILE_HINT = ' (its bytes in base64)';

/**
 * The first description of the layers, cut to `limit` characters; undefined for none. With a limit of 0 there are no
 * descriptions, except for files.
 */
export function layerDescription(
  layers: readonly Layer[],
  limit: number,
  { titlesDescribe, marksFilesBy }: SchemaDialect,
): string | undefined {
  const isFile = marksFilesBy === 'description' && isBinary(layers);
  if (limit === 0 && !isFile) return undefined;
  const keys = titlesDescribe ? ['description', 'title'] : ['description'];
  const texts = layers.flatMap(({ node }) => keys.map((key) => textAt(node, key)?.trim()));
  const text = texts.find((found) => found !== undefined && found !== '');
  if (isFile) return fileDescription(text, limit);
  return text === undefined ? undefined : shorten(text, limit);
}

/** The description of a file with the hint in which form a model gives it. */
export function fileDescription(text: string | undefined, limit: number): string {
  const room = limit - FILE_HINT.length;
  return `${text === undefined || room < 'A file'.length ? 'A file' : shorten(text, room)}${FILE_HINT}`;
}
