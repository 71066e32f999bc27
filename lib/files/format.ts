import { extname } from 'node:path';
import { AppError } from '../errors.ts';

/** What a file is: an extension without its dot, and a media type. */
export interface FileFormat {
  ext: string;
  mime: string;
}

/** Texts, which have no signature: told apart by their names alone. */
const texts: Record<string, string> = {
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  html: 'text/html',
  css: 'text/css',
  js: 'text/javascript',
  ts: 'text/x-typescript',
  py: 'text/x-python',
  json: 'application/json',
  jsonl: 'application/jsonl',
  yaml: 'application/yaml',
  xml: 'application/xml',
  svg: 'image/svg+xml',
};
/** Other names of formats, in a path or a file's name. */
const aliases: Record<string, string> = {
  markdown: 'md',
  markdowns: 'md',
  text: 'txt',
  htm: 'html',
  yml: 'yaml',
  jpeg: 'jpg',
  tiff: 'tif',
  mpga: 'mp3',
};
/** Kinds of packed files whose content only their own programs tell apart. */
const packed = new Set(['docx', 'xlsx', 'pptx', 'odt', 'ods', 'odp', 'epub', 'jar']);

/** The format's own name: `markdowns` is `md`. */
export function formatNamed(name: string): string {
  const ext = name.toLowerCase();
  return aliases[ext] ?? ext;
}

/**
 * What a file is, by its first bytes and, where these do not tell, its name. Its own word about its type is not asked:
 * whoever sent it may have been wrong, or worse.
 */
export async function formatOf(head: Buffer, filename: string): Promise<FileFormat> {
  const named = formatNamed(extname(filename).slice(1));
  const { fileTypeFromBuffer } = await import('file-type');
  const told = await fileTypeFromBuffer(head);
  if (told?.ext === 'zip' && packed.has(named)) return { ext: named, mime: told.mime };
  if (told) return { ext: told.ext === 'xml' && named === 'svg' ? named : told.ext, mime: told.mime };
  if (!isText(head)) return { ext: 'bin', mime: 'application/octet-stream' };
  const ext = named in texts ? named : 'txt';
  return { ext, mime: texts[ext]! };
}

/** Throws `invalid_request` when a file is not of the format that was promised. */
export function checkFormat(expected: string, { ext }: FileFormat): void {
  if (ext === formatNamed(expected)) return;
  throw new AppError(
    'invalid_request',
    `The file is not of the format "${expected}", it looks like ${ext}.`,
    {
      faults: [{ pointer: '/file', detail: `must be of the format ${expected}` }],
    },
  );
}

/** UTF-8 without control characters, as far as it was seen; a character may be cut at its end. */
function isText(head: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return !head.includes(0);
  } catch {
    return false;
  }
}
