import { styleText } from 'node:util';
import { formatExactly, parseExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonValue } from '../common/json.ts';
import type { Envelope, ChatTurn, TurnObserver } from './client.ts';

type Style = Parameters<typeof styleText>[0];

/** Whether a stream shows colours: it is a terminal with colours, and NO_COLOR is not set. */
export function hasColors(stream: { isTTY?: boolean; hasColors?: () => boolean }): boolean {
  return stream.isTTY === true && stream.hasColors?.() === true;
}

/** The text in a style, or unchanged without colours. */
export function paint(style: Style, text: string, colors: boolean): string {
  return colors && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}

/** The colour of a sender. */
const styles: Record<string, Style> = { user: 'green', llm: 'magenta', tool: 'yellow', agent: 'cyan' };
/** The width of the column of senders and receivers. */
const longest = 'AGENT → CLIENT'.length;
/** Longer contents are cut, in characters. */
const clipAt = 600;

/** An envelope in a line: `AGENT → CLIENT [TASK_START]`. A very long one is cut, and says so. */
export function formatEnvelope(envelope: Envelope, colors: boolean): string {
  const { from, to, error } = envelope;
  const route = `${from.toUpperCase()} → ${to.toUpperCase()}`.padEnd(longest);
  const style = to === 'client' ? 'gray' : to === 'user' ? 'bold' : (styles[from] ?? 'gray');
  const why = error === undefined ? '' : ` ${error.code}: ${error.message}`;
  return `${paint(style, route, colors)} ${formatContent(envelope)}${paint('red', why, colors)}`;
}

/** A tool call and its result, in a line. */
export function formatCall(
  { name, arguments: given, result }: ChatTurn['toolCalls'][number],
  colors: boolean,
): string {
  return `${paint('yellow', `${name} ${JSON.stringify(given)}`, colors)} → ${clip(plainJson(result))}`;
}

/** Shows a running task to a person: calls and results as they arrive, and the answer in pieces. */
export function liveWatcher(write: (text: string) => void, colors: boolean): TurnObserver {
  // Whether pieces of an answer stand in the present line: another line begins below it.
  let inText = false;
  const line = (text: string) => {
    write(`${inText ? '\n' : ''}  ${text}\n`);
    inText = false;
  };
  return {
    chunk: (text) => {
      write(text);
      inText = true;
    },
    envelope: (envelope) => {
      const { from, to, type } = envelope;
      if (from === 'llm' && type === 'functionCallList')
        line(paint('yellow', formatContent(envelope), colors));
      if (from === 'tool' && type === 'toolReturn') line(`→ ${formatContent(envelope)}`);
      if (type === 'approvalRequest') return line(paint('yellow', approvalText(envelope), colors));
      if (type === 'approvalResult') return line(decisionText(envelope));
      // The pieces were the answer already: only its line ends. An answer without pieces is written whole.
      if (to !== 'user') return;
      write(inText ? '\n' : `${formatContent(envelope)}\n`);
      inText = false;
    },
  };
}

/** A call that waits for a person, and how to decide about it. */
function approvalText({ message }: Envelope): string {
  const { device, name, parameters, rule, approvers } = message as {
    device: string;
    name: string;
    parameters: JsonValue;
    rule: string;
    approvers: string;
  };
  const how =
    approvers === 'owner'
      ? '/approve, or /reject with a reason'
      : `${approvers === 'admin' ? 'an admin' : 'another person'} decides: lite-agent approvals`;
  return `? ${device}: ${name} ${JSON.stringify(parameters)} waits. ${rule} (${how})`;
}

/** The end of an approval. */
function decisionText({ message }: Envelope): string {
  const { decision, by, reason } = message as {
    decision: string;
    by: string | null;
    reason: string | null;
  };
  return `! ${decision}${by === null ? '' : ` by ${by}`}${reason === null ? '' : `: ${reason}`}`;
}

/** The content of an envelope, without its sender and receiver. */
export function formatContent({ type, message }: Envelope): string {
  if (typeof message === 'string') return clip(message);
  if (type === 'contentList')
    return clip((message as { message: string }[]).map((part) => part.message).join(' '));
  if (type === 'toolReturn') return clip(plainJson((message as { result: JsonValue }).result));
  // Such as an approval: any other value is shown as JSON.
  if (type !== 'functionCallList') return clip(JSON.stringify(message));
  const calls = message as { name: string; parameters: JsonValue }[];
  return clip(calls.map(({ name, parameters }) => `${name} ${JSON.stringify(parameters)}`).join(', '));
}

/** A value as JSON. A body that is JSON text itself is shown as JSON, with each of its digits, and not once more escaped. */
function plainJson(value: JsonValue): string {
  return formatExactly(withParsedBodies(value));
}

/** The value with each `body` that is a JSON text as its value, at any depth. */
function withParsedBodies(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withParsedBodies);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner = null]): [string, JsonValue] => [
    key,
    key === 'body' && typeof inner === 'string' && /^\s*[{[]/.test(inner)
      ? (parseExactly(inner) ?? inner) // it is no JSON, or was cut
      : withParsedBodies(inner),
  ]);
  return Object.fromEntries(entries);
}

/** A text of at most `clipAt` characters; a longer one says how much is missing. */
function clip(text: string): string {
  return text.length <= clipAt ? text : `${text.slice(0, clipAt)}… (${text.length - clipAt} characters more)`;
}
