import { cutWords } from '../../common/cut-words.ts';
import { mapBigints, parseExactly } from '../../common/exact-numbers.ts';
import { isObject, type JsonValue } from '../../common/json.ts';
import type { ToolResult } from '../../core/message.ts';
import type { ToolOffer } from '../../core/model.ts';
import { plainValue, type DemoParameter } from './match.ts';
import type { Note, PlannedCall } from './plan.ts';
import { isChinese } from './vocabulary.ts';

/** A call that was made, and its result. */
export type MadeCall = { call: PlannedCall; result: ToolResult };

/** So many tools, values or fields are named in an answer. */
const LIST_MAX_COUNT = 12;
/** Why nothing was called, in English and in Chinese. */
const REASONS = {
  negated: 'it says not to|句子里是否定',
  conditional: 'conditions and times are beyond the offline demo model|离线演示模型不处理条件和时间',
  relative: 'the offline demo model only sets values that are said outright|离线演示模型只能设置明确给出的值',
  unknown: 'the offline demo model found no tool that fits|离线演示模型没有找到合适的工具',
};

/** The answer, in the user's language: the results of the calls, the number of skipped calls, and the requests without one. */
export function answerOf(
  made: readonly MadeCall[],
  notes: readonly Note[],
  left: number,
  text: string,
): string {
  const zh = isChinese(text);
  const next = left === 1 ? 'the next step was' : `the next ${left} steps were`;
  // After a failed call the rounds after it are not made.
  const rest = zh ? `因此其余 ${left} 个操作没有执行。` : `So ${next} not taken.`;
  const lines = [...made.map((one) => resultLine(one, zh)), ...(left > 0 ? [rest] : [])];
  return [...lines, ...notes.map((note) => noteLine(note, zh))].join(zh ? '' : ' ');
}

/** The answer when no tool fits: a description of this model, the tools, and the way to a real model. */
export function introduction(
  tools: readonly ToolOffer[],
  sentence: string,
  notes: readonly Note[] = [],
): string {
  const zh = isChinese(sentence);
  const words = quoted(
    notes.flatMap((note) => note.words ?? []),
    zh,
  );
  const unclear = words === '' ? '' : zh ? `没有理解${words}。` : ` I did not understand ${words}.`;
  const shown = tools.slice(0, LIST_MAX_COUNT);
  const names = shown.map(({ name, description }) => `\n- ${name}: ${summaryOf(description, zh)}`);
  const more = tools.length - shown.length;
  const list = names.join('') + (more === 0 ? '' : zh ? `\n- 还有 ${more} 个` : `\n- and ${more} more`);
  const none = zh ? '这个会话没有任何工具。' : 'This session has no tools.';
  const offered = list === '' ? none : (zh ? '现有工具：' : 'There is:') + list;
  return zh
    ? `我是离线演示模型，不是语言模型：我只把句子里的词和工具对照，这句话没有对上。${unclear}${offered}\n要使用真正的模型，请在 .env.local 里设置 baseUrl、apiKey 和 model，或在 /init 里给出 llmConfig。`
    : `I am the offline demo model, not a language model: I match words with tools, and found no match here.${unclear} ${offered}\nFor a real model set baseUrl, apiKey and model in .env.local, or llmConfig in /init.`;
}

/** Whether a call failed: its result has an error, or an HTTP status that is one. */
export function hasFailed({ error, statusCode }: ToolResult): boolean {
  return error !== undefined || (typeof statusCode === 'number' && statusCode >= 400);
}

/** A call and its result as a sentence: the value of a read, the arguments of a write, or the fault. */
function resultLine({ call: { tool, args }, result }: MadeCall, zh: boolean): string {
  const label = labelOf(tool.offer, zh);
  const value = textOf(valueIn(result), unitOf(tool.offer));
  const fault = faultOf(result, value, zh);
  if (hasFailed(result)) return zh ? `${label}失败：${fault}。` : `${label} failed: ${fault}.`;
  if (tool.effect === 'read')
    return zh ? `${label}：${value || '没有内容'}。` : `${label}: ${value || 'nothing'}.`;
  const given = Object.entries(args).map(([name, arg]) => `${spaced(name)} ${plainValue(arg)}`);
  if (zh) return `已完成：${label}${given.length > 0 ? `（${given.join(', ')}）` : ''}。`;
  return `Done: ${label}${given.length > 0 ? ` (${given.join(', ')})` : ''}.`;
}

/** The fault of a failed call. Where the outcome of a write is unknown, it says so. */
function faultOf({ error, statusCode }: ToolResult, value: string, zh: boolean): string {
  if (error === undefined) return `HTTP ${plainValue(statusCode)} ${value}`;
  const { message, detail, code, effect } = isObject(error) ? error : { message: error };
  const unsure = zh ? '（不确定设备是否已改变，请检查）' : ' (it may or may not have happened; please check)';
  return plainValue(message ?? detail ?? code).replace(/\.$/, '') + (effect === 'unknown' ? unsure : '');
}

/** The sentence about a request that led to no call. */
function noteLine({ request: { text }, why, tool, missing = [], words = [] }: Note, zh: boolean): string {
  if (why !== 'missing') {
    const [reason, chinese] = REASONS[why].split('|');
    const unclear = quoted(words, zh);
    if (unclear !== '')
      return zh
        ? `“${text}”没有执行：没有理解${unclear}。`
        : `I did nothing for "${text}": I did not understand ${unclear}.`;
    return zh ? `“${text}”没有执行：${chinese}。` : `I did nothing for "${text}": ${reason}.`;
  }
  const [name, needed] = [tool?.offer.name, missing.map(wordsFor).join(zh ? '、' : ', ')];
  return zh
    ? `“${text}”：使用 ${name} 还需要 ${needed}。`
    : `For "${text}" I would use ${name}, but I need ${needed}.`;
}

function quoted(words: readonly string[], zh: boolean): string {
  return words.map((word) => (zh ? `“${word}”` : `"${word}"`)).join(zh ? '、' : ', ');
}

/** A parameter with the values that it takes. */
function wordsFor({ name, schema: { type, minimum, maximum }, choices }: DemoParameter): string {
  const values = choices.slice(0, LIST_MAX_COUNT).map(({ value }) => plainValue(value));
  const range = maximum === undefined ? plainValue(type) : `${plainValue(minimum)}–${plainValue(maximum)}`;
  return `${name} (${values.join(', ') || range})`;
}

/** The value in a result: a register with its unit, a JSON body without JSON-RPC's wrapper, or all fields. */
function valueIn(result: ToolResult): JsonValue {
  const { body, value, uom } = result;
  if (body === undefined && value === undefined) return { ...result, statusCode: undefined };
  if (body === undefined)
    return typeof value === 'number' ? `${value} ${plainValue(uom)}`.trim() : (value ?? null);
  const json = typeof body === 'string' ? mapBigints(parseExactly(body) ?? body, String) : body;
  return isObject(json) && json['jsonrpc'] !== undefined ? (json['result'] ?? null) : json;
}

/** A value in words. Of lists and objects the first entries are shown, and an object with one field is its value. */
function textOf(value: JsonValue | undefined, unit = ''): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number') return `${value}${unit}`;
  if (typeof value === 'string') return cutWords(value, 200);
  if (!value) return '';
  const fields = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
  const shown = fields.slice(0, LIST_MAX_COUNT);
  if (Array.isArray(value)) return shown.map(([, item]) => textOf(item)).join('; ');
  if (fields.length === 1) return textOf(fields[0]![1], unit);
  return shown.map(([name, item]) => `${spaced(name)} ${textOf(item)}`).join(', ');
}

/** The Chinese part of a tool's description, or its name in words. */
function labelOf({ name, description }: ToolOffer, zh: boolean): string {
  const words = spaced(name).replace(/^(?:get|read|query|show) /, '');
  return zh ? (chinesePart(description) ?? words) : words.charAt(0).toUpperCase() + words.slice(1);
}

/** The first sentence of a description, in Chinese where there is such a part and the user writes so. */
function summaryOf(description: string, zh: boolean): string {
  return (((zh && chinesePart(description)) || description).split(/(?<=[.。])\s|\n/)[0] ?? '').slice(0, 100);
}

function chinesePart(description: string): string | undefined {
  return /[\p{Script=Han}][\p{Script=Han}\d、，]*/u.exec(description)?.[0];
}

/** The unit that the texts of a tool name, for a number without one. */
function unitOf({ name, description }: ToolOffer): string {
  if (/℃|°\s?C|celsius|摄氏/i.test(description)) return ' °C';
  return /percent|%|百分/i.test(`${name} ${description}`) ? ' %' : '';
}

/** A name in words: `targetTemp_now` becomes `target temp now`. */
function spaced(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])|[_.-]+/g, ' ').toLowerCase();
}
