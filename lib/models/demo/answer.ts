import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { ToolResult } from '../../core/message.ts';
import type { ToolOffer } from '../../core/model.ts';
import { parseJson } from '../reply.ts';
import { describeParameter } from './fill.ts';
import type { Note, PlannedCall } from './plan.ts';
import { isChinese } from './vocabulary.ts';
import { plain } from './words.ts';

/** A call that was made and what came back. */
export interface Outcome {
  call: PlannedCall;
  result: ToolResult;
}

const LIST_MAX_COUNT = 12;

/** What came of the calls and what was not understood, in a few short sentences of the user's language. */
export function answerOf(
  outcomes: readonly Outcome[],
  notes: readonly Note[],
  left: number,
  sentence: string,
): string {
  const chinese = isChinese(sentence);
  const lines = outcomes.map((outcome) => outcomeLine(outcome, chinese));
  if (left > 0)
    lines.push(
      chinese
        ? `因此其余 ${left} 个操作没有执行。`
        : `So ${left === 1 ? 'the next step was' : `the next ${left} steps were`} not taken.`,
    );
  lines.push(...notes.map((note) => noteLine(note, chinese)));
  return lines.join(chinese ? '' : ' ');
}

/** What to say when no tool fits: what this model is, what there is to call, and how to get a real one. */
export function introduction(tools: readonly ToolOffer[], sentence: string): string {
  const names = tools
    .slice(0, LIST_MAX_COUNT)
    .map(({ name, description }) => `- ${name}: ${firstSentence(description, isChinese(sentence))}`);
  const more = tools.length - names.length;
  if (isChinese(sentence)) {
    const list =
      tools.length === 0
        ? '这个会话没有任何工具。'
        : `现有工具：\n${names.join('\n')}${more > 0 ? `\n- 还有 ${more} 个` : ''}`;
    return `我是离线演示模型，不是语言模型：我只把句子里的词和工具对照，这句话没有对上。${list}\n要使用真正的模型，请在 .env.local 里设置 baseUrl、apiKey 和 model，或在 /init 里给出 llmConfig。`;
  }
  const list =
    tools.length === 0
      ? 'This session has no tools.'
      : `There is:\n${names.join('\n')}${more > 0 ? `\n- and ${more} more` : ''}`;
  return `I am the offline demo model, not a language model: I match words with tools, and found no match here. ${list}\nFor a real model set baseUrl, apiKey and model in .env.local, or llmConfig in /init.`;
}

function outcomeLine({ call, result }: Outcome, chinese: boolean): string {
  const { tool, effect } = call.entry;
  const label = labelOf(tool, chinese);
  const error = result['error'] ?? bodyOf(result, 'error');
  if (error !== undefined && error !== null) {
    const said = isObject(error)
      ? plain(error['message'] ?? error['detail'] ?? error['code'])
      : JSON.stringify(error);
    const unsure = isObject(error) && error['effect'] === 'unknown';
    if (chinese) return `${label}失败：${said}${unsure ? '（不确定设备是否已改变，请检查）' : ''}。`;
    return `${label} failed: ${said.replace(/\.$/, '')}${unsure ? ' (it may or may not have happened; please check)' : ''}.`;
  }
  const status = result['statusCode'];
  const failed = typeof status === 'number' && status >= 400;
  const value = valueText(bodyOf(result), unitOf(tool));
  if (failed)
    return chinese ? `${label}失败：HTTP ${status} ${value}。` : `${label} failed: HTTP ${status} ${value}.`;
  if (effect === 'read')
    return chinese
      ? `${label}：${value === '' ? '没有内容' : value}。`
      : `${label}: ${value === '' ? 'nothing' : value}.`;
  const given = pairs(call.args);
  if (chinese) return `已完成：${label}${given === '' ? '' : `（${given}）`}。`;
  return `Done: ${label}${given === '' ? '' : ` (${given})`}.`;
}

function noteLine({ part, why, entry, parameters = [] }: Note, chinese: boolean): string {
  const quoted = chinese ? `“${part.text}”` : `"${part.text}"`;
  const needed = parameters.map(describeParameter).join(chinese ? '、' : ', ');
  if (why === 'missing')
    return chinese
      ? `${quoted}：使用 ${entry?.tool.name} 还需要 ${needed}。`
      : `For ${quoted} I would use ${entry?.tool.name}, but I need ${needed}.`;
  const reasons = {
    negated: ['it says not to', '句子里是否定'],
    conditional: ['conditions and times are beyond the offline demo model', '离线演示模型不处理条件和时间'],
    relative: [
      'the offline demo model only sets values that are said outright',
      '离线演示模型只能设置明确给出的值',
    ],
    unknown: ['the offline demo model found no tool that fits', '离线演示模型没有找到合适的工具'],
  }[why];
  return chinese ? `${quoted}没有执行：${reasons[1]}。` : `I did nothing for ${quoted}: ${reasons[0]}.`;
}

/** What a device said: the body as JSON where it is JSON, without JSON-RPC's wrapping. */
function bodyOf(result: ToolResult, field = 'result'): JsonValue | undefined {
  const body = result['body'];
  if (body === undefined && result['value'] !== undefined)
    return field === 'result' ? measured(result) : undefined;
  if (body === undefined) {
    const { statusCode: _, ...rest } = result;
    return field === 'result' ? rest : undefined;
  }
  const json = typeof body === 'string' ? (parseJson(body) ?? body) : body;
  if (isObject(json) && json['jsonrpc'] !== undefined) return json[field];
  return field === 'result' ? json : undefined;
}

/** A value with its unit, as registers give it. */
function measured({ value, uom }: JsonObject): JsonValue {
  return typeof value === 'number' && typeof uom === 'string' && uom !== ''
    ? `${value} ${uom}`
    : (value ?? null);
}

function valueText(value: JsonValue | undefined, unit: string, depth = 0): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number') return `${value}${unit}`;
  if (typeof value === 'string') return value.length > 200 ? `${value.slice(0, 200)}…` : value;
  if (Array.isArray(value)) {
    const items = value.slice(0, LIST_MAX_COUNT).map((item) => valueText(item, '', depth + 1));
    return items.join('; ') + (value.length > items.length ? `; … (${value.length})` : '');
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
  if (depth > 2) return `${entries.length} values`;
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) return valueText(only[1], unit, depth + 1);
  return entries
    .slice(0, LIST_MAX_COUNT)
    .map(([name, item]) => `${spaced(name)} ${valueText(item, '', depth + 1)}`)
    .join(', ');
}

function pairs(args: JsonObject): string {
  return Object.entries(args)
    .map(([name, value]) => `${spaced(name)} ${plain(value)}`)
    .join(', ');
}

/** A tool's name in words, or the Chinese part of its description. */
function labelOf({ name, description }: ToolOffer, chinese: boolean): string {
  const own = chinese ? /[\p{Script=Han}][\p{Script=Han}\d、，]*/u.exec(description)?.[0] : undefined;
  if (own !== undefined) return own;
  const words = spaced(name).replace(/^(?:get|read|query|show) /i, '');
  return chinese ? words : words.charAt(0).toUpperCase() + words.slice(1);
}

function spaced(name: string): string {
  return name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/[_.-]+/g, ' ')
    .toLowerCase()
    .trim();
}

function unitOf({ name, description }: ToolOffer): string {
  if (/℃|°\s?C|celsius|摄氏/i.test(description)) return ' °C';
  return /percent|%|百分/i.test(`${name} ${description}`) ? ' %' : '';
}

function firstSentence(description: string, chinese: boolean): string {
  const own = chinese ? /[\p{Script=Han}][\p{Script=Han}\d、，]*/u.exec(description)?.[0] : undefined;
  const text = (own ?? description).split(/(?<=[.。])\s|\n/)[0] ?? '';
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
