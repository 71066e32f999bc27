import { extname } from 'node:path';
import { AppError } from '../errors.ts';

/** The format of a file: an extension without its dot, and a media type. */
export interface FileFormat {
  ext: string;
  mime: string;
}

/** Text formats have no signature: only the file's name tells them apart. */
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
/** Formats that are zip archives inside: only the file's name tells them apart. */
const packed = new Set(['docx', 'xlsx', 'pptx', 'odt', 'ods', 'odp', 'epub', 'jar']);

/** The format's own name: `markdowns` is `md`. */
export function formatNamed(name: string): string {
  const ext = name.toLowerCase();
  return aliases[ext] ?? ext;
}

/**
 * The format of a file, by its first bytes and, where these do not show it, by its name. A type that the client names is
 * not trusted.
 */
export async function formatOf(head: Buffer, filename: string): Promise<FileFormat> {
  const named = formatNamed(extname(filename).slice(1));
  const { fileTypeFromBuffer } = await import('file-type');
  // The mark of UTF-16 looks like the frame of an MP3.
  const told = utf16Of(head) !== undefined && isText(head) ? undefined : await fileTypeFromBuffer(head);
  if (told?.ext === 'zip' && packed.has(named)) return { ext: named, mime: told.mime };
  if (told) return { ext: told.ext === 'xml' && named === 'svg' ? named : told.ext, mime: told.mime };
  if (!isText(head)) return { ext: 'bin', mime: 'application/octet-stream' };
  const ext = named in texts ? named : 'txt';
  return { ext, mime: texts[ext]! };
}

/** Throws `invalid_request` when a file does not have the expected format. */
export function checkFormat(expected: string, { ext }: FileFormat): void {
  if (ext === formatNamed(expected)) return;
  throw new AppError(
    'invalid_request',
    `The file does not have the format "${expected}": it looks like ${ext}.`,
    {
      faults: [{ pointer: '/file', detail: `must be of the format ${expected}` }],
    },
  );
}

/** Whether the bytes are UTF-8, or UTF-16 with its mark, without NUL. The last character may be cut. */
function isText(head: Buffer): boolean {
  try {
    const decoder = new TextDecoder(utf16Of(head) ?? 'utf-8', { fatal: true });
    return !decoder.decode(head, { stream: true }).includes('\0');
  } catch {
    return false;
  }
}

/** The encoding that a byte order mark of UTF-16 says; undefined where there is none. */
export function utf16Of([first, second]: Buffer): string | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
}
