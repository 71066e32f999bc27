import stringWidth from 'string-width';
import type { Io } from './io.ts';
import { failureText, partsOf, type Part, type Reading } from './reading.ts';
import { hasColors, paint } from './show.ts';

/** One reading of one tool. */
export interface WatchLine {
  /** The tool's name, with its arguments where it is watched with several. */
  label: string;
  time: Date;
  /** Undefined while the reading is under way; for a terminal only. */
  reading: Reading | undefined;
  /** The last successful reading before this one, and its time. */
  before: Reading | undefined;
  beforeAt: Date | undefined;
}

/** The words for a reading that is under way. */
const WAITS = 'waits for an answer';

/** Formats a round of readings: returns the text to write. */
export type WatchView = (lines: readonly WatchLine[]) => string;

/** A view for a stream. A terminal shows each round in place of the last one; any other stream gets a line for each reading. */
export function openWatchView(stdout: Io['stdout']): WatchView {
  if (stdout.isTTY !== true) return (lines) => lines.map(plainLine).join('');
  const colors = hasColors(stdout);
  // The rows that are on the screen: the next round begins so many lines higher.
  let height = 0;
  return (lines) => {
    // Asked for each round: a terminal may be resized.
    const columns = Math.max(20, stdout.columns ?? 80);
    const width = Math.min(40, Math.max(...lines.map(({ label }) => stringWidth(label))));
    const rows = lines.map((line) => {
      const label = clip(line.label, width);
      const head = `${clock(line.time)}  ${label}${' '.repeat(width - stringWidth(label))}  `;
      return `\r\u001B[2K${paint('gray', head, colors)}${shown(line, columns - stringWidth(head) - 1, colors)}\n`;
    });
    const back = height > 0 ? `\u001B[${height}A` : '';
    height = rows.length;
    return back + rows.join('');
  };
}

/** Time, tool, value and unit, tabs between them. */
function plainLine({ label, time, reading, before, beforeAt }: WatchLine): string {
  const cells =
    reading === undefined || 'error' in reading
      ? [reading ? `error: ${failureText(reading)}` : WAITS, ...staleText(before, beforeAt, time)]
      : [textOf(partsOf(reading.value)), ...(reading.unit === undefined ? [] : [reading.unit])];
  return `${[time.toISOString(), label, ...cells].map((cell) => cell.replaceAll(/\s+/g, ' ')).join('\t')}\n`;
}

/** A value in a line of at most so many columns. Changed parts are marked. */
function shown({ reading, before, beforeAt, time }: WatchLine, columns: number, colors: boolean): string {
  if (reading === undefined || 'error' in reading) {
    const why = reading ? failureText(reading) : WAITS;
    const text = [...staleText(before, beforeAt, time), why].join('; ');
    return paint(reading ? 'red' : 'gray', clip(text.replaceAll(/\s+/g, ' '), columns), colors);
  }
  const old =
    before === undefined || 'error' in before
      ? undefined
      : new Map(partsOf(before.value).map(({ name, text }) => [name, text]));
  let left = columns;
  const pieces: string[] = [];
  const add = (text: string, changed = false): void => {
    const piece = clip(text.replaceAll(/\s+/g, ' '), left);
    left -= stringWidth(piece);
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

/** The last good value with its age, for a reading that failed or is under way; nothing where there was none. */
function staleText(before: Reading | undefined, at: Date | undefined, now: Date): string[] {
  if (before === undefined || at === undefined || 'error' in before) return [];
  const seconds = Math.max(1, Math.round((now.getTime() - at.getTime()) / 1000));
  const unit = before.unit === undefined ? '' : ` ${before.unit}`;
  return [`${textOf(partsOf(before.value))}${unit}, ${seconds} s old`];
}

/** The parts of a value in one text; a value without a name stands alone. */
function textOf(parts: readonly Part[]): string {
  return parts.map(({ name, text }) => (name === '' ? text : `${name} ${text}`)).join(', ');
}

/** The local time, HH:MM:SS. */
function clock(time: Date): string {
  return time.toTimeString().slice(0, 8);
}

/** A text in at most so many columns of the terminal; a longer one is cut, and ends in "…". */
function clip(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let cut = '';
  let width = 1; // the sign at the end
  // By what a person sees as one sign, so that none is cut in two.
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += stringWidth(segment);
    if (width > columns) break;
    cut += segment;
  }
  return columns > 0 ? `${cut}…` : '';
}
