import type { Io } from './io.ts';
import { failureText, partsOf, type Part, type Reading } from './reading.ts';
import { hasColors, paint } from './show.ts';

/** One reading of one tool. */
export interface WatchLine {
  /** The tool's name, with its arguments where it is watched with several. */
  label: string;
  time: Date;
  reading: Reading;
  /** The last one before it that succeeded. */
  before: Reading | undefined;
}

/** Shows rounds of readings; gives the text to write. */
export type WatchView = (lines: readonly WatchLine[]) => string;

/** How rounds are shown: on a terminal in place, one tool in a line and several in a table; else a line a reading. */
export function openWatchView(stdout: Io['stdout']): WatchView {
  if (stdout.isTTY !== true) return (lines) => lines.map(plainLine).join('');
  const colors = hasColors(stdout);
  let height = 0;
  return (lines) => {
    const columns = Math.max(20, stdout.columns ?? 80);
    const width = Math.min(40, Math.max(...lines.map(({ label }) => widthOf(label))));
    const rows = lines.map((line) => {
      const label = clip(line.label, width);
      const head = `${clock(line.time)}  ${label}${' '.repeat(width - widthOf(label))}  `;
      return `\r\u001B[2K${paint('gray', head, colors)}${shown(line, columns - widthOf(head) - 1, colors)}\n`;
    });
    const back = height > 0 ? `\u001B[${height}A` : '';
    height = rows.length;
    return back + rows.join('');
  };
}

/** Time, tool, value and unit, tabs between them. */
function plainLine({ label, time, reading }: WatchLine): string {
  const cells =
    'error' in reading
      ? [`error: ${failureText(reading)}`]
      : [textOf(partsOf(reading.value)), ...(reading.unit === undefined ? [] : [reading.unit])];
  return `${[time.toISOString(), label, ...cells].map((cell) => cell.replaceAll(/\s+/g, ' ')).join('\t')}\n`;
}

/** A value in a line of at most so many columns, what has changed since the last time marked. */
function shown({ reading, before }: WatchLine, columns: number, colors: boolean): string {
  if ('error' in reading)
    return paint('red', clip(failureText(reading).replaceAll(/\s+/g, ' '), columns), colors);
  const old =
    before === undefined || 'error' in before
      ? undefined
      : new Map(partsOf(before.value).map(({ name, text }) => [name, text]));
  let left = columns;
  const pieces: string[] = [];
  const add = (text: string, changed = false): void => {
    const piece = clip(text.replaceAll(/\s+/g, ' '), left);
    left -= widthOf(piece);
    pieces.push(changed ? paint(['bold', 'yellow'], piece, colors) : piece);
  };
  for (const [index, part] of partsOf(reading.value).entries()) {
    if (left <= 0) break;
    if (index > 0) add(', ');
    add(textOf([part]), old !== undefined && old.get(part.name) !== part.text);
  }
  if (reading.unit !== undefined && left > 0) add(` ${reading.unit}`);
  return pieces.join('');
}

function textOf(parts: readonly Part[]): string {
  return parts.map(({ name, text }) => (name === '' ? text : `${name} ${text}`)).join(', ');
}

function clock(time: Date): string {
  return time.toTimeString().slice(0, 8);
}

/** The columns that a text takes: two for a character of East Asia. */
function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += isWide(char) ? 2 : 1;
  return width;
}

function clip(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let cut = '';
  let width = 0;
  for (const char of text) {
    width += isWide(char) ? 2 : 1;
    if (width > columns - 1) break;
    cut += char;
  }
  return columns > 0 ? `${cut}…` : '';
}

function isWide(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}
