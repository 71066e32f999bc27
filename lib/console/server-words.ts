import { language } from './language.ts';
import { serverSentences } from './texts/server-sentences.ts';
import { failureWords, faultTexts, unsafeWords, wantedWords } from './texts/server-words.ts';

/** A fault as the API says it: with a code and values where it has a code. */
export interface ShownFault {
  pointer: string;
  detail: string;
  code?: string;
  data?: Readonly<Record<string, string | number>>;
}

/** A fault in the language of the page; a fault without words there has those of the server. */
export function faultText(fault: ShownFault): string {
  const { code = '', data = {}, detail } = fault;
  const words = language.value === 'en' ? undefined : faultTexts[code];
  if (words === undefined) return sentenceText(detail);
  return words.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(data[name] ?? '');
    return wantedWords[value] ?? sentenceText(value);
  });
}

/** Longer texts are not looked up: several gaps in a pattern cost time. */
const SENTENCE_MAX_CHARS = 500;

/**
 * A sentence of the server in the language of the page: a warning, say. The place before it ("/functions/0: …") stays as it is. A
 * sentence without words there has those of the server.
 */
export function sentenceText(text: string): string {
  if (language.value === 'en' || text.length > SENTENCE_MAX_CHARS) return text;
  patterns ??= serverSentences.map(([english, chinese]) => [
    patternOf(english),
    chinese.replaceAll(/\{(\w+)\}/g, '$$<$1>'),
  ]);
  // The whole text, else the text behind a colon.
  for (const from of [0, ...Array.from(text.matchAll(/: /g), ({ index }) => index + 2)]) {
    const rest = text.slice(from);
    const found = patterns.find(([pattern]) => pattern.test(rest));
    if (found) return text.slice(0, from) + rest.replace(...found);
  }
  return text;
}

/** Made with the first sentence; a page in English needs none. */
let patterns: [pattern: RegExp, chinese: string][] | undefined;

/** The pattern of a sentence, in which a name in braces stands for any text. */
function patternOf(sentence: string): RegExp {
  const parts = sentence.split(/\{(\w+)\}/);
  const source = parts.map((part, at) =>
    at % 2 === 1 ? `(?<${part}>.*)` : part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`),
  );
  return new RegExp(`^${source.join('')}$`, 'su');
}

/** An unsafe setting in the language of the page. */
export function unsafeText({ setting, detail }: { setting: string; detail: string }): string {
  return (language.value === 'en' ? undefined : unsafeWords[setting]) ?? detail;
}

/** The failure of a call or of a task; the `detail` of Modbus is its message. */
export interface ShownFailure {
  code?: string | number;
  message?: string;
  detail?: string;
}

/** A failure in the language of the page, before the words of the server: those say which value or device it was. */
export function saidFailure({ code = '', message, detail = '' }: ShownFailure): string {
  const said = message ?? detail;
  const words = language.value === 'en' ? undefined : failureWords[code];
  return words === undefined ? said : said === '' ? words : `${words}（${said}）`;
}
