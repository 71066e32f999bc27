import type { JsonValue } from '../../common/json.ts';
import { isChinese, stem, vocabulary } from './vocabulary.ts';

/** A word of a sentence or of a tool's description: as it stands, and the key that same words share. Empty words have none. */
export interface Word {
  text: string;
  key: string | undefined;
  /** Its own stem, where the key stands for several words. */
  own: string;
}

/** A number in a sentence with what stands around it. */
export interface Quantity {
  value: number;
  unit: 'percent' | 'degree' | undefined;
  /** The keys right before and right after it: "shelf 7", "3 items". */
  beside: string[];
}

/** A text's words, in order. Names (`setTargetTemperature`, `set_power`) come apart; numbers are left out. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  const joined = text.replaceAll(/air[-_ ]?condition(?:er|ing)?/gi, 'aircon');
  for (const [run] of joined.matchAll(
    /\p{Script=Han}+|\p{Script=Latin}+(?:\d+[\p{Script=Latin}\d]*)?|\d+\p{Script=Latin}+\d*/gu,
  )) {
    if (isChinese(run)) words.push(...chineseWords(run));
    else
      for (const part of run.split(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/))
        words.push(englishWord(part));
  }
  return words;
}

function englishWord(text: string): Word {
  const { english, empty } = vocabulary();
  const short = stem(text);
  const key = english.get(short);
  return { text, key: key ?? (empty.has(short) ? undefined : short), own: short };
}

/** Known words, the longest first; what is left between them goes in pairs of characters. */
function chineseWords(run: string): Word[] {
  const { chinese, longestChinese } = vocabulary();
  const words: Word[] = [];
  let unknown = '';
  const flush = () => {
    const pairs = unknown.length > 1 ? unknown.length - 1 : unknown.length;
    for (const at of Array(pairs).keys()) {
      const text = unknown.slice(at, at + 2);
      words.push({ text, key: text, own: text });
    }
    unknown = '';
  };
  for (let at = 0; at < run.length;) {
    let length = Math.min(longestChinese, run.length - at);
    while (length > 0 && !chinese.has(run.slice(at, at + length))) length--;
    if (length === 0) {
      unknown += run[at];
      at++;
      continue;
    }
    flush();
    const text = run.slice(at, at + length);
    const keys = chinese.get(text) ?? [];
    if (keys.length === 0) words.push({ text, key: undefined, own: text });
    for (const key of keys) words.push({ text, key, own: key });
    at += length;
  }
  flush();
  return words;
}

/** A JSON value as one would write it down: text without quotes. */
export function plain(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

/** The keys of a text, without empty words. */
export function keysOf(text: string): Set<string> {
  return new Set(wordsOf(text).flatMap(({ key }) => key ?? []));
}

const DIGITS: Record<string, number> = {
  零: 0,
  一: 1,
  二: 2,
  两: 2,
  三: 3,
  四: 4,
  五: 5,
  六: 6,
  七: 7,
  八: 8,
  九: 9,
};
const NUMBER_WORDS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];

/** The same text with its numbers in digits: "two items" → "2 items", "二十四度" → "24度", "half" → "50 %". */
export function withDigits(text: string): string {
  const tens = TENS.join('|');
  return text
    .replaceAll(
      new RegExp(`\\b(${tens})(?:[- ](${NUMBER_WORDS.slice(1, 10).join('|')}))?\\b`, 'gi'),
      (_, ten: string, one?: string) =>
        String(
          (TENS.indexOf(ten.toLowerCase()) + 2) * 10 +
            (one === undefined ? 0 : NUMBER_WORDS.indexOf(one.toLowerCase())),
        ),
    )
    .replaceAll(new RegExp(`\\b(${NUMBER_WORDS.slice(2).join('|')})\\b`, 'gi'), (word: string) =>
      String(NUMBER_WORDS.indexOf(word.toLowerCase())),
    )
    .replaceAll(/\bhalf\b|一半/gi, '50%')
    .replaceAll(
      /百分之([零一二两三四五六七八九十百\d.]+)/g,
      (_, number: string) => `${chineseNumber(number)}%`,
    )
    .replaceAll(
      /([零一二两三四五六七八九十百]+)(?:点([零一二三四五六七八九]))?(?=\s*(?:摄氏)?[度号个件层格档%])/g,
      (_, whole: string, tenth?: string) =>
        tenth === undefined ? chineseNumber(whole) : `${chineseNumber(whole)}.${DIGITS[tenth] ?? 0}`,
    )
    .replaceAll(/(\d)度半/g, '$1.5度');
}

function chineseNumber(text: string): string {
  if (/^[\d.]+$/.test(text)) return text;
  let total = 0;
  let digit: number | undefined;
  for (const char of text) {
    const unit = { 百: 100, 十: 10 }[char];
    if (unit === undefined) digit = DIGITS[char] ?? 0;
    else {
      total += (digit ?? 1) * unit;
      digit = undefined;
    }
  }
  return String(total + (digit ?? 0));
}

/** The numbers of a text (in digits), with their units and neighbours; part numbers such as "B3" are none. */
export function quantitiesOf(text: string): Quantity[] {
  const found = text.matchAll(
    /(?<![\p{Script=Latin}\d.])([-−]?\d+(?:\.\d+)?)\s*(%|percent\b|per cent\b|°\s*[cf]?\b|℃|degrees?\b|deg\b|摄氏度|度)?(?![\p{Script=Latin}\d])/giu,
  );
  return [...found].map((match) => {
    const [whole, number = '', sign = ''] = match;
    const before = wordsOf(text.slice(0, match.index)).findLast(({ key }) => key !== undefined);
    const after = wordsOf(text.slice(match.index + whole.length)).find(({ key }) => key !== undefined);
    return {
      value: Number(number.replace('−', '-')),
      unit: sign === '' ? undefined : /^(?:%|per)/i.test(sign) ? ('percent' as const) : ('degree' as const),
      beside: [before?.key, after?.key].filter((key) => key !== undefined),
    };
  });
}
