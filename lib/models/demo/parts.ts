import { isChinese, SWITCHES } from './vocabulary.ts';
import { quantitiesOf, withDigits, wordsOf, type Quantity, type Word } from './words.ts';

/** What one part of a sentence is after: to know, to change, or neither can be told. */
type Intent = 'read' | 'write' | 'unclear';

/** One request within a sentence. */
export interface Part {
  text: string;
  intent: Intent;
  words: Word[];
  quantities: Quantity[];
  /** On or off, where one is said. */
  polarity: boolean | undefined;
  /** Whether it is to come after the one before. */
  afterwards: boolean;
  /** Why a change that it asks for is not made: beyond what matching words can get right. */
  beyond: 'negated' | 'conditional' | 'relative' | undefined;
}

const SPLIT =
  /([;；。!！?？\n，、]|,(?!\d)|\.(?=\s|$)|\b(?:and then|and also|and|then|also|plus|but|after that)\b|然后|接着|并且|同时|但是|(?<=货架)(?=[取拿])|(?:再|并)(?=[把去打关开设调移告取拿]))/i;
const THEN = /then|after|然后|接着|再/i;
const POLITE =
  /^(?:please|kindly|can you|could you|would you|will you|hey|ok|now|请问?|麻烦你?|能不能|可不可以|可以|能否|能|帮我|帮忙)[\s,，]*/i;
const ASKS =
  /^(?:what|how|which|where|who|why|when|is|are|am|was|were|does|do|did|has|have|had|can|could|should|will|would|tell|show|check|read|get|list|report|query|display|give me|let me know|i want to know)\b|^(?:查|告诉|显示|看|读|列出)/i;
const ASKS_CHINESE = /[吗呢]\s*$|多少|什么|几度|几点|哪|是否|怎么样|查询|查看|告诉/;
const CHANGES =
  /^(?:set|adjust|change|make|put|configure|turn|switch|enable|disable|activate|deactivate|start|stop|shut|open|close|lock|unlock|move|drive|go|send|bring|navigate|pick|fetch|grab|collect|take|place|drop|dim|brighten|raise|lower|increase|decrease|reset|restart|reboot|add|create|delete|remove|update|write|play|pause|run|clear|cancel|charge|dock|press)$/i;
const CHANGES_CHINESE =
  /把|设置|设定|设为|调|打开|开启|启动|关闭|关掉|关上|停止|开灯|关灯|移动|前往|去|送|取|拿|抓|改|变成|启用|停用|重启|删除|添加|锁|开(?!着|了)|关(?!着|了)/;
const NEGATED = /\b(?:don'?t|do not|never|not|without)\b|别|不要|不用|勿/i;
const CONDITIONAL =
  /\b(?:if|when|whenever|unless|until|once|while|tomorrow|tonight|later|every \w+|in \d+ (?:second|minute|hour|day)s?|at \d+(?::\d+)? ?(?:am|pm|o'clock))\b|如果|要是|的时候|以后|之后|(?:分钟|小时|秒|天)后|明天|今晚|每天/i;
const RELATIVE =
  /\b(?:warmer|cooler|colder|hotter|brighter|dimmer|darker|higher|lower than|more|less|faster|slower|by \d)|(?:调|升|降|提|减|加|增)[高低大小亮暗快慢]?\s*\d+(?!\s*(?:号|楼))|[高低大小亮暗快慢热冷]一?[点些]|(?:increase|decrease|raise|lower|dim|brighten)(?!.*\bto\b)/i;
const TO_A_VALUE = /\bto \d/i;
const STATES = /\b(?:is|are|was|were|been)\b|是|着|了/i;

/** Takes a sentence apart into its requests; a part without a verb goes on with the one before. */
export function partsOf(sentence: string): Part[] {
  const conditional = CONDITIONAL.test(sentence.replace(/^\s*when\b/i, ''));
  const pieces = withDigits(sentence).split(SPLIT);
  const parts: Part[] = [];
  for (let at = 0; at < pieces.length; at += 2) {
    const text = (pieces[at] ?? '').trim();
    const words = wordsOf(text);
    const quantities = quantitiesOf(text);
    if (words.every(({ key }) => key === undefined) && quantities.length === 0) continue;
    const previous = parts.at(-1);
    let intent = intentOf(text, words, /[?？]/.test(pieces[at + 1] ?? ''));
    const inherits = intent === 'unclear' && previous !== undefined;
    if (inherits) intent = previous.intent;
    const own = words.map(({ key = '' }) => SWITCHES.get(key)).find((value) => value !== undefined);
    const polarity = own ?? (inherits ? previous.polarity : undefined);
    if (intent === 'unclear' && own !== undefined && !STATES.test(text)) intent = 'write'; // "kitchen light off"
    if (intent === 'unclear' && TO_A_VALUE.test(text) && !STATES.test(text)) intent = 'write'; // "kitchen light to 20 %"
    const beyond = intent !== 'write' ? undefined : beyondOf(text, conditional);
    const afterwards = THEN.test(pieces[at - 1] ?? '');
    parts.push({ text, intent, words, quantities, polarity, afterwards, beyond });
  }
  return parts;
}

function intentOf(text: string, words: Word[], questionMark: boolean): Intent {
  const bare = text.replace(POLITE, '').replace(POLITE, '');
  const polite = bare !== text;
  const changes = isChinese(text)
    ? CHANGES_CHINESE.test(bare)
    : words.some((word) => CHANGES.test(word.text));
  if (ASKS.test(bare)) return 'read';
  if (isChinese(text) && ASKS_CHINESE.test(bare) && !(polite && changes)) return 'read';
  if (changes && (polite || !questionMark)) return 'write';
  return questionMark ? 'read' : 'unclear';
}

function beyondOf(text: string, conditional: boolean): Part['beyond'] {
  if (NEGATED.test(text)) return 'negated';
  if (conditional) return 'conditional';
  return RELATIVE.test(text) ? 'relative' : undefined;
}
