import { codedFault } from '../common/coded-fault.ts';
import type { FairTurn } from '../common/fair-gate.ts';
import { MAY_HAVE_PROTO, parseJsonInSlices } from '../common/json-slices.ts';
import type { JsonObject, JsonValue } from '../common/json.ts';
import { messageOf, SpecError } from '../errors.ts';
import { cleanTree, DEPTH_LIMIT, rootOf, tooDeep, treeOfYaml, type ParsedText } from './tree.ts';
import { parseYamlApart } from './yaml-apart.ts';

/** A longer YAML text is parsed in a thread of its own: this much takes 20 ms. */
const YAML_HERE_MAX_CHARS = 8 * 1024;

/** The search for the place of a fault parses the text some twenty times. It is not done for a longer text. */
const POSITION_MAX_CHARS = 512 * 1024;

/**
 * The object that a document's text holds, JSON or YAML. It is a finite tree of at most 500 levels without cycles and
 * without keys that reach a prototype. Throws a SpecError with line and column when the text is neither. A large YAML text waits for
 * its `turn` among those of others.
 */
export async function parseText(text: string, turn?: FairTurn): Promise<ParsedText> {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (source.trim() === '') throw new SpecError('The document is empty.');
  const json = await parseJson(source);
  if (json.fault === undefined) {
    // The walk is only paid when the text can hold the one dangerous key.
    const warnings = MAY_HAVE_PROTO.test(source) ? await cleanTree(json.value) : [];
    return { document: rootOf(json.value), warnings };
  }
  // A quoted first key is JSON, so its fault is the one to tell; a YAML parser would only hide it.
  if (/^\s*(\{\s*["}]|\[)/.test(source)) throw json.fault;
  if (source.length <= YAML_HERE_MAX_CHARS) return treeOfYaml(source);
  const { json: tree, warnings } = await parseYamlApart(source, turn);
  return { document: (await parseJsonInSlices(tree)) as JsonObject, warnings };
}

/** Parses JSON; a fault has its line and column, where the text is short enough. */
async function parseJson(
  source: string,
): Promise<{ value: JsonValue; fault?: undefined } | { fault: SpecError }> {
  // The first character tells most YAML documents, which are not worth an attempt.
  if (!/^\s*[{["\d-]/.test(source)) return { fault: new SpecError('The document is not JSON.') };
  try {
    return { value: (await parseJsonInSlices(source, { depthMax: DEPTH_LIMIT })) as JsonValue };
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
  }
  if (source.length > POSITION_MAX_CHARS)
    return {
      fault: new SpecError('The document is not valid JSON, and is too large for the place to be found.'),
    };
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

function isUnexpected(message: string): boolean {
  return message.startsWith("Unexpected token '") && !/at position/.test(message);
}

function place(source: string, at: number): { line: number; column: number } {
  const before = source.slice(0, at);
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') };
}
