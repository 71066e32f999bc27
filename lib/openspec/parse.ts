import { codedFault } from '../common/coded-fault.ts';
import type { FairTurn } from '../common/fair-gate.ts';
import { MAY_HAVE_PROTO, parseJsonInSlices } from '../common/json-slices.ts';
import { JsonLimitError } from '../common/json-scanner.ts';
import type { JsonObject, JsonValue } from '../common/json.ts';
import { createPauses } from '../common/pauses.ts';
import { LongText } from '../common/long-text.ts';
import { messageOf, SpecError } from '../errors.ts';
import { cleanTree, DEPTH_LIMIT, rootOf, tooDeep, treeOfYaml, type ParsedText } from './tree.ts';
import { parseYamlApart } from './yaml-apart.ts';

/** A longer YAML text is parsed in a thread of its own: this much takes 20 ms. */
const YAML_HERE_MAX_CHARS = 8 * 1024;

/** The search for the place of a fault parses the text some twenty times. It is not done for a longer text. */
const POSITION_MAX_CHARS = 512 * 1024;

/** A JSON document may hold at most this many lists and objects. A real one of 13 MB has 100,000. */
const CONTAINER_LIMIT = 2_000_000;

/** A parsed document, and the JSON text that takes its memory: a short YAML text may stand for a long one. */
interface ParsedDocument extends ParsedText {
  read: LongText;
}

/**
 * The object that a document's text holds, JSON or YAML (only JSON where `isJson`). It is a finite tree of at most 500 levels without cycles
 * and without keys that reach a prototype. Throws a SpecError with line and column when the text is neither. A large YAML text waits for
 * its `turn` among those of others.
 */
export async function parseText(
  text: string | LongText,
  turn?: FairTurn,
  { isJson = false } = {},
): Promise<ParsedDocument> {
  const source = withoutMark(typeof text === 'string' ? LongText.of([text]) : text);
  if (await isBlank(source)) throw new SpecError('The document is empty.');
  const json = await parseJson(source);
  if (json.fault === undefined) {
    // The walk is only paid when the text can hold the one dangerous key.
    const warnings = (await mayHaveProto(source)) ? await cleanTree(json.value) : [];
    return { document: rootOf(json.value), warnings, read: source };
  }
  // A quoted first key is JSON, so its fault is the one to tell; a YAML parser would only hide it.
  if (isJson || /^\s*(\{\s*["}]|\[)/.test(source.windowAt(0))) throw json.fault;
  if (source.length <= YAML_HERE_MAX_CHARS) return { ...(await treeOfYaml(source.toString())), read: source };
  const { json: read, warnings } = await parseYamlApart(source, turn);
  return { document: (await parseTree(read)) as JsonObject, warnings, read };
}

/** The text without a byte order mark at its beginning [Unicode 23.8]. */
function withoutMark(text: LongText): LongText {
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? LongText.of(text.windows(1)) : text;
}

const BYTE_ORDER_MARK = 0xfeff;

/** Whether a text has nothing but blanks. */
async function isBlank(text: LongText): Promise<boolean> {
  const pause = createPauses();
  for (const window of text.windows()) {
    if (window.trim() !== '') return false;
    await pause();
  }
  return true;
}

/** So many characters before a window may begin the key `__proto__`, in any spelling that `MAY_HAVE_PROTO` finds. */
const PROTO_LENGTH = '__proto__'.length;

/** Whether a text can hold the key `__proto__`. */
async function mayHaveProto(text: LongText): Promise<boolean> {
  const pause = createPauses();
  let before = '';
  for (const window of text.windows()) {
    if (MAY_HAVE_PROTO.test(before + window)) return true;
    before = window.slice(-PROTO_LENGTH);
    await pause();
  }
  return false;
}

/** Parses a large text. Throws a SyntaxError, or a SpecError for a value that is too deep, too wide, or too much. */
async function parseTree(text: LongText): Promise<JsonValue> {
  let containers = 0;
  const onContainers = (count: number): void => {
    containers += count;
    if (containers > CONTAINER_LIMIT) throw new SpecError('The document has too many lists and objects.');
  };
  try {
    const options = { depthMax: DEPTH_LIMIT, limitsMembers: true, onContainers };
    return (await parseJsonInSlices(text, options)) as JsonValue;
  } catch (error) {
    if (error instanceof JsonLimitError) throw new SpecError(error.message);
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
}

/** Parses JSON; a fault has its line and column, where the text is short enough. */
async function parseJson(
  text: LongText,
): Promise<{ value: JsonValue; fault?: undefined } | { fault: SpecError }> {
  // The first character tells most YAML documents, which are not worth an attempt.
  if (!/^\s*[{["\d-]/.test(text.windowAt(0))) return { fault: new SpecError('The document is not JSON.') };
  try {
    return { value: await parseTree(text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (text.length > POSITION_MAX_CHARS)
    return {
      fault: new SpecError('The document is not valid JSON, and is too large for the place to be found.'),
    };
  const source = text.toString();
  let value: JsonValue;
  try {
    value = JSON.parse(source) as JsonValue;
  } catch (error) {
    const message = messageOf(error);
    const at = positionOf(source, message);
    const plain = message.replace(/ (in JSON )?at position.*$/s, '').replace(/, .* is not valid JSON$/s, '');
    const fault =
      at === undefined
        ? { pointer: '', detail: plain }
        : codedFault('', 'syntax', { ...place(source, at), words: plain });
    return { fault: new SpecError(`The document is not valid JSON: ${fault.detail}`, [fault], error) };
  }
  return { value };
}

/** The index at which the parser stopped. Node 20 does not give it for an unexpected character; it is the longest valid beginning then. */
function positionOf(source: string, message: string): number | undefined {
  const told = /at position (\d+)/.exec(message)?.[1];
  if (told !== undefined) return Number(told);
  if (!isUnexpected(message)) return source.length;
  if (source.length > POSITION_MAX_CHARS) return undefined;
  let good = 0;
  let bad = source.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      JSON.parse(source.slice(0, middle));
      good = middle;
    } catch (error) {
      if (isUnexpected(messageOf(error))) bad = middle;
      else good = middle;
    }
  }
  return good;
}

/** Whether the fault is a character that may not be here, of which Node 20 does not give the place. */
function isUnexpected(message: string): boolean {
  return message.startsWith("Unexpected token '") && !/at position/.test(message);
}

/** The line and the column of an index, both from 1. */
function place(source: string, at: number): { line: number; column: number } {
  const before = source.slice(0, at);
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') };
}
