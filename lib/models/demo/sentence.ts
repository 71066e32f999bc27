import { stemOf } from '../../common/word-stem.ts';
import { CHINESE_WORDS, isChinese, keysFor } from './vocabulary.ts';

/** A word, its stem, and the key that it shares with words of its meaning; an empty word has no key. */
export type Word = { text: string; own: string; key?: string | undefined };
/** A number with its unit, and the keys beside it: "shelf 7", "3 items". */
export type Quantity = { value: number; unit?: 'percent' | 'degree' | undefined; beside: string[] };

/** One request of a sentence. */
export interface Request {
  text: string;
  intent: 'read' | 'write' | 'unclear';
  words: Word[];
  quantities: Quantity[];
  /** Whether it comes after the request before it. */
  afterwards: boolean;
  /** Why matched words cannot get the change right. */
  beyond: 'negated' | 'conditional' | 'relative' | undefined;
}

/** A name of a tool, or a request, that changes something. */
export const CHANGES =
  /\b(?:set|adjust|change|make|put|write|post|patch|configure|turn|switch|toggle|enable|disable|activate|deactivate|start|stop|shut|open|close|lock|unlock|move|drive|go|send|bring|navigate|pick|fetch|grab|collect|take|place|drop|dim|brighten|raise|lower|increase|decrease|reset|restart|reboot|add|create|delete|remove|update|control|execute|play|pause|run|clear|cancel|charge|dock|press|calibrate|dispense|emergency)s?\b|把|设|调|控制|打开|启动|关闭|关掉|关上|停止|移动|前往|去|送|取|拿|抓|改|变成|写入|启用|停用|重启|删除|添加|锁|让|开(?!着|了)|关(?!着|了)/i;
/** The signs and words between two requests. A comma between digits is none. */
const SPLIT =
  /([;；。!！?？\n，、]|,(?!\d)|\.(?=\s|$)|\b(?:and then|and also|and|then|also|plus|but|after that)\b|然后|接着|并且|同时|但是|(?<=货架)(?=[取拿])|(?:再|并)(?=[把去打关开设调移告取拿]))/i;
/** The polite beginning of an order, which says nothing. */
const POLITE =
  /^(?:(?:please|kindly|can you|could you|would you|will you|hey|ok|now|请问?|麻烦你?|能不能|可不可以|可以|能否|能|帮我|帮忙)[\s,，]*)+/i;
/** The beginning of a question. */
const ASKS =
  /^(?:what|how|which|where|who|why|when|is|are|am|was|were|does|do|did|has|have|had|can|could|should|will|would|tell|show|check|read|get|list|report|query|display|give me|let me know|i want to know)\b|^(?:查|告诉|显示|看|读|列出)/i;
const ASKS_CHINESE = /[吗呢]\s*$|多少|什么|几度|几点|哪|是否|怎么样|查询|查看|告诉/;
/** Requests that matched words cannot get right (`beyondOf`): a denial, a condition or a time, a change by so much. */
const NEGATED = /\b(?:don'?t|do not|never|not|without)\b|别|不要|不用|勿/i;
const CONDITIONAL =
  /\b(?:if|when|whenever|unless|until|once|while|tomorrow|tonight|later|every \w+|in \d+ (?:second|minute|hour|day)s?|at \d+(?::\d+)? ?(?:am|pm|o'clock))\b|如果|要是|的时候|以后|之后|(?:分钟|小时|秒|天)后|明天|今晚|每天/i;
const RELATIVE =
  /\b(?:warmer|cooler|colder|hotter|brighter|dimmer|darker|higher|lower than|more|less|faster|slower|by \d)|(?:调|升|降|提|减|加|增)[高低大小亮暗快慢]?\s*\d+(?!\s*(?:号|楼))|[高低大小亮暗快慢热冷]一?[点些]|(?:increase|decrease|raise|lower|dim|brighten)(?!.*\bto\b)/i;
const THEN = /then|after|然后|接着|再/i;
/** A sentence with one of these says how a thing is, and orders nothing. */
const STATES = /\b(?:is|are|was|were|been)\b|是|着|了/i;
/** A run of one script. Digits stay with the letters beside them. */
const WORD = /\p{Script=Han}+|\p{Script=Latin}+(?:\d+[\p{Script=Latin}\d]*)?|\d+\p{Script=Latin}+\d*/gu;
/** A number and its unit. A digit beside a letter belongs to a name, such as B3. */
const QUANTITY =
  /(?<![\p{Script=Latin}\d.])([-−]?\d+(?:\.\d+)?)\s*(%|percent\b|per cent\b|°\s*[cf]?\b|℃|degrees?\b|deg\b|摄氏度|度)?(?![\p{Script=Latin}\d])/giu;
/** A number in Chinese characters before a word that counts or measures. */
const CHINESE_NUMBER =
  /[零一二两三四五六七八九十百]+(?:点[零一二三四五六七八九])?(?=\s*(?:摄氏)?[度号个件层格档%])/g;
/** The index of a character is its value. In the lists of words below it is the value, or its tens. */
const DIGITS = '零一二三四五六七八九';
const NUMBERS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen';
const TENS = 'zero ten twenty thirty forty fifty sixty seventy eighty ninety';

/** Splits a sentence into its requests. One that names no verb, no switch or no thing takes those of the one before. */
export function requestsOf(sentence: string): Request[] {
  // At the beginning "when" may ask. Elsewhere it is a condition.
  const conditional = CONDITIONAL.test(sentence.replace(/^\s*when\b/i, ''));
  const pieces = withDigits(sentence).split(SPLIT);
  const requests: Request[] = [];
  for (let at = 0; at < pieces.length; at += 2) {
    const text = pieces[at]!.trim();
    const [words, quantities] = [readWords(text).filter(({ key }) => key), quantitiesOf(text)];
    if (words.length === 0 && quantities.length === 0) continue;
    let intent = intentOf(text, /[?？]/.test(pieces[at + 1] ?? ''));
    const previous = requests.at(-1);
    if (previous && intent === 'unclear' && quantities.length === 0 && !words.some(isSwitch))
      words.push(...previous.words.filter(isSwitch));
    if (previous && words.every(isSwitch)) words.push(...previous.words.filter((word) => !isSwitch(word)));
    if (previous && intent === 'unclear') ({ intent } = previous);
    // "kitchen light off", "kitchen light to 20 %"
    const isOrder = (words.some(isSwitch) || /\bto \d/i.test(text)) && !STATES.test(text);
    if (intent === 'unclear' && isOrder) intent = 'write';
    const beyond = intent === 'write' ? beyondOf(text, conditional) : undefined;
    requests.push({ text, intent, words, quantities, beyond, afterwards: THEN.test(pieces[at - 1] ?? '') });
  }
  return requests;
}

function isSwitch({ key }: Word): boolean {
  return key === 'on' || key === 'off';
}

/** An order, a question, or neither. A polite question such as "can you open it?" is an order. */
function intentOf(text: string, isQuestion: boolean): Request['intent'] {
  const bare = text.replace(POLITE, '');
  const order = CHANGES.test(bare) && (bare !== text || !isQuestion);
  if (ASKS.test(bare) || (ASKS_CHINESE.test(bare) && !(bare !== text && order))) return 'read';
  return order ? 'write' : isQuestion ? 'read' : 'unclear';
}

function beyondOf(text: string, conditional: boolean): Request['beyond'] {
  if (NEGATED.test(text)) return 'negated';
  return conditional ? 'conditional' : RELATIVE.test(text) ? 'relative' : undefined;
}

/** The words of a text, in order. A name such as `setTargetTemperature` comes apart. */
export function readWords(text: string): Word[] {
  const runs = text.replaceAll(/air[-_ ]?condition(?:er|ing)?/gi, 'aircon').match(WORD) ?? [];
  return runs.flatMap((run) => {
    if (isChinese(run))
      return run.split(CHINESE_WORDS).flatMap((piece, at) => (at % 2 ? knownWords(piece) : pairsOf(piece)));
    const parts = run.split(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/);
    return parts.map((part) => ({ text: part, own: stemOf(part), key: keysFor(part)[0] }));
  });
}

/** The keys of a text. */
export function wordKeysOf(text: string): Set<string> {
  return new Set(readWords(text).flatMap(({ key }) => key ?? []));
}

function knownWords(text: string): Word[] {
  const keys = keysFor(text);
  return keys.length === 0 ? [{ text, own: text }] : keys.map((key) => ({ text, own: key, key }));
}

/** Unknown Chinese text, in pairs of characters. */
function pairsOf(text: string): Word[] {
  const pairs = text.length === 1 ? [text] : [...text.matchAll(/(?=(..))/gu)].map(([, pair = '']) => pair);
  return pairs.map((pair) => ({ text: pair, own: pair, key: pair }));
}

function quantitiesOf(text: string): Quantity[] {
  return [...text.matchAll(QUANTITY)].map(({ 0: whole, 1: number = '', 2: sign = '', index }) => {
    const before = readWords(text.slice(0, index)).findLast(({ key }) => key);
    const after = readWords(text.slice(index + whole.length)).find(({ key }) => key);
    const unit = sign === '' ? undefined : /^(?:%|per)/i.test(sign) ? 'percent' : 'degree';
    return { value: Number(number.replace('−', '-')), unit, beside: [before?.key ?? '', after?.key ?? ''] };
  });
}

/** The text with its numbers in digits: "two items" becomes "2 items", "二十四度" "24度", "half" "50%". */
function withDigits(text: string): string {
  const [numbers, tens] = [NUMBERS.split(' '), TENS.split(' ')];
  return text
    .replaceAll(
      new RegExp(`\\b(?:${tens.slice(2).join('|')})\\b`, 'gi'),
      (word) => `${tens.indexOf(word.toLowerCase())}0`,
    )
    .replaceAll(
      new RegExp(`\\b(?:${numbers.join('|')})\\b`, 'gi'),
      (word) => `${numbers.indexOf(word.toLowerCase())}`,
    )
    .replaceAll(/\b([2-9])0[- ]([1-9])\b/g, '$1$2')
    .replaceAll(/\bhalf\b|一半/gi, '50%')
    .replaceAll(/百分之([零一二两三四五六七八九十百]+|[\d.]+)/g, '$1%')
    .replaceAll(CHINESE_NUMBER, (number) => {
      const full = number
        .replace('两', '二')
        .replace(/^十/, '一十')
        .replace(/十(?!.)/, '十零')
        .replace(/百(?!.)/, '百零零');
      return full
        .replaceAll(/[十百]/g, '')
        .replace('点', '.')
        .replaceAll(/[^.]/g, (digit) => `${DIGITS.indexOf(digit)}`);
    })
    .replaceAll(/(\d)度半/g, '$1.5度');
}
