import type { FairTurn } from '../../common/fair-gate.ts';
import { AppError, isForLater } from '../../errors.ts';
import { utf16Of } from '../format.ts';
import { readPdf } from './pdf.ts';

/** A model gets so much of a file. */
const CHARS_MAX_COUNT = 200_000;

const texts = new Set([
  'application/json',
  'application/jsonl',
  'application/yaml',
  'application/xml',
  'image/svg+xml',
]);

/** Whether files of a media type have a text that can be read. */
export function isReadable(mimeType: string): boolean {
  return mimeType === 'application/pdf' || isPlain(mimeType);
}

/**
 * The text of a file for a model, cut where it is too long, which it says. A file that cannot be read has a remark in the place of
 * its text.
 */
export async function fileText(mimeType: string, bytes: Buffer, turn?: FairTurn): Promise<string> {
  if (isPlain(mimeType)) return cut(decode(bytes));
  try {
    const { pages, count } = await readPdf(bytes, turn);
    const text = pages.map((page, index) => `[page ${index + 1} of ${count}]\n${page}`).join('\n\n');
    const more = count > pages.length ? `\n\n[${count - pages.length} more pages are not shown]` : '';
    if (pages.every((page) => page.trim() === ''))
      return '[the document has no text: its pages are pictures]';
    return cut(text) + more;
  } catch (error) {
    if (error instanceof AppError && !isForLater(error)) return `[${error.message}]`;
    throw error;
  }
}

function isPlain(mimeType: string): boolean {
  return mimeType.startsWith('text/') || texts.has(mimeType);
}

/** UTF-16 with a byte order mark, else UTF-8; a byte that is no UTF-8 becomes U+FFFD. */
function decode(bytes: Buffer): string {
  return new TextDecoder(utf16Of(bytes)).decode(bytes);
}

function cut(text: string): string {
  if (text.length <= CHARS_MAX_COUNT) return text;
  return `${text.slice(0, CHARS_MAX_COUNT)}\n[cut: the text has ${text.length} characters]`;
}
