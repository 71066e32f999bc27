/**
 * The forms in which one secret appears in texts. Senders write it into headers, addresses, JSON, HTML and base64, and devices
 * write it again when they echo it. So each sign of a secret is looked for in every way in which these formats write it.
 */
export interface SecretForms {
  /** The text with the mark in place of every form of the secret. `lower` is the text in lower case, for a caller that has it. */
  blot(text: string, mark: string, lower?: string): string;
  /** The whole forms that are most frequent, in lower case. A piece of a stream may end in the beginning of one. */
  readonly whole: readonly string[];
  /** The number of signs at the end of a text that begin any form of the secret; 0 where they are too few to tell something. */
  beginningLength(text: string): number;
}

/** A repeated escape: JSON in JSON in JSON doubles the backslash each time. */
const BACKSLASHES_MAX_COUNT = 8;
/** Headers and devices may change the case of a key. A shorter secret in another case may be a common word. */
const ANY_CASE_MIN_LENGTH = 12;
/** Fewer signs of base64 or hexadecimal text may be anything. */
const CODED_MIN_LENGTH = 7;
/** A shorter beginning of a secret before a cut tells nothing. */
const BEGINNING_MIN_LENGTH = 4;
/** Escapes make a form at most so many times longer than the secret: its beginning is searched for in an end of this length. */
const ESCAPED_MAX_TIMES = 8;
/**
 * So many signs more than two secrets have are looked at before one cut. In a text of one sign all over, each place may begin a secret
 * of this sign.
 */
const SIGNS_MAX_COUNT = 2_000;
/** An escape that the cut has split. */
const SPLIT_ESCAPE = /^(?:\\{1,8}(?:u[\da-f]{0,3})?|%(?:25){0,3}[\da-f]?|&#?\w{0,8})$/i;
/** A line of a key in several lines (PEM), which devices may send back alone. A shorter line may be anything. */
const LINE_MIN_LENGTH = 16;

/**
 * The forms of a secret. With `alone`, only where no letter or digit stands beside it: for short secrets, which may be a part of
 * another word.
 */
export function secretFormsOf(secret: string, alone = false): SecretForms {
  const text = secret.trim().replaceAll(/\r\n?/g, '\n');
  if (/^=*$/.test(text)) return NOTHING;
  const base64 = Buffer.from(text).toString('base64');
  const coded = [...base64Parts(text), Buffer.from(text).toString('hex')].filter(
    ({ length }) => length >= CODED_MIN_LENGTH,
  );
  const lines = text.split('\n').filter(({ length }) => length >= LINE_MIN_LENGTH);
  const parts = text.includes('\n') ? lines : [];
  const anyCase = text.length >= ANY_CASE_MIN_LENGTH;
  const flag = anyCase ? 'i' : '';
  const runs = [text, ...parts, ...coded].map(plainRunOf);
  const cores = anyCase ? runs.map((run) => run.toLowerCase()) : runs;
  let pattern: RegExp | undefined;
  let beginnings: Beginning[] | undefined;
  // It costs more than the search for the cores, and few texts have one.
  const makePattern = (): RegExp => {
    // The longest first: a shorter form may be a part of it.
    const forms = [base64, text, ...parts, ...coded].map((form) =>
      form === text && alone ? `(?<![A-Za-z0-9])${patternOf(form)}(?![A-Za-z0-9])` : patternOf(form),
    );
    return new RegExp(forms.join('|'), `g${flag}`);
  };
  return {
    blot(searched, mark, lower) {
      const inCase = anyCase ? (lower ?? searched.toLowerCase()) : searched;
      if (!cores.some((core) => inCase.includes(core))) return searched;
      return searched.replace((pattern ??= makePattern()), mark);
    },
    whole: [
      ...new Set(
        [text, JSON.stringify(text).slice(1, -1), uriOf(text), base64].map((form) => form.toLowerCase()),
      ),
    ],
    beginningLength(cut) {
      beginnings ??= [text, base64, ...parts, ...coded].map((form) => beginningOf(form, flag));
      return Math.max(...beginnings.map((form) => cutLength(cut, form)));
    },
  };
}

/** White space, or the padding of base64, is no secret. */
const NOTHING: SecretForms = { blot: (text) => text, whole: [], beginningLength: () => 0 };

/** A form whose beginning is searched for. */
interface Beginning {
  /** Finds the first signs: few places of a text have them, and only those are looked at sign by sign. */
  first: RegExp;
  signs: string[];
  /** `i` where the case does not matter. */
  flag: string;
  /** The patterns of the signs, made when a place has the first ones: each takes more memory than its sign. */
  patterns?: RegExp[];
}

function beginningOf(form: string, flag: string): Beginning {
  const signs = signsOf(form);
  const first = signs.slice(0, BEGINNING_MIN_LENGTH).map(signPattern);
  return { first: new RegExp(first.join(''), `g${flag}`), signs, flag };
}

/**
 * The length of the longest end of a text that begins with the first signs of a form and was cut before the last one. Where too many
 * places have the first signs to look at them all, it is the end from the first of them on.
 */
function cutLength(text: string, form: Beginning): number {
  const { first, signs } = form;
  let left = SIGNS_MAX_COUNT + 2 * signs.length;
  let begins: number | undefined;
  first.lastIndex = Math.max(0, text.length - ESCAPED_MAX_TIMES * signs.length);
  for (let found = first.exec(text); found; found = first.exec(text)) {
    begins ??= found.index;
    form.patterns ??= signs.map((sign) => new RegExp(signPattern(sign), `y${form.flag}`));
    const { isCut, count } = readSigns(text, found.index, form.patterns);
    if (isCut) return text.length - found.index;
    left -= count;
    if (left <= 0) return text.length - begins;
    first.lastIndex = found.index + 1;
  }
  return 0;
}

/** How many of these signs a text has from a place on, and whether it was cut before the last one. */
function readSigns(text: string, from: number, signs: readonly RegExp[]): { isCut: boolean; count: number } {
  let at = from;
  for (const [count, sign] of signs.entries()) {
    const isTelling = count >= BEGINNING_MIN_LENGTH;
    if (at === text.length) return { isCut: isTelling, count };
    sign.lastIndex = at;
    if (!sign.test(text)) return { isCut: isTelling && SPLIT_ESCAPE.test(text.slice(at, at + 20)), count };
    at = sign.lastIndex;
  }
  return { isCut: false, count: signs.length };
}

/** The signs at the end of base64. A program that splits pairs at `=` takes them off. */
const PADDING = '(?:=|%(?:25){0,3}3[dD]|\\\\u003[dD]){0,2}';

/** The letters and digits in a row, as many as there are: a part that no format escapes. Empty where there are none. */
function plainRunOf(text: string): string {
  return (text.match(/[A-Za-z0-9]+/g) ?? []).reduce(
    (longest, run) => (run.length > longest.length ? run : longest),
    '',
  );
}

/** The signs of base64 that a secret has at each of its three places, with any bytes before and behind it [RFC 4648 4]. */
function base64Parts(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].map((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return whole.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
}

/** A half of a surrogate pair would throw. */
function uriOf(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

/** A pattern for a text in any mix of the ways in which its signs may be written. */
function patternOf(text: string): string {
  return signsOf(text).map(signPattern).join('') + PADDING;
}

/** The signs that `signPattern` takes. */
function signsOf(text: string): string[] {
  return text.replace(/=+$/, '').match(/\\+|[^\\]/gu) ?? [];
}

/** One sign. A row of backslashes counts as one: each may be doubled, and the pattern must stay quick. */
function signPattern(sign: string): string {
  if (/^[A-Za-z0-9]$/.test(sign)) return sign;
  if (sign === '\n') return LINE_END;
  if (sign.startsWith('\\'))
    return `(?:\\\\|%(?:25){0,3}5[cC]){${sign.length},${sign.length * BACKSLASHES_MAX_COUNT}}`;
  const bytes = [...Buffer.from(sign)].map((byte) => hexPattern(byte.toString(16).padStart(2, '0')));
  const units = Array.from({ length: sign.length }, (_, at) => sign.charCodeAt(at));
  const back = `\\\\{1,${BACKSLASHES_MAX_COUNT}}`;
  const ways = [
    `\\\\{0,${/["/]/.test(sign) ? BACKSLASHES_MAX_COUNT : 0}}${literal(sign)}`,
    bytes.map((byte) => `%(?:25){0,3}${byte}`).join(''),
    units.map((unit) => `${back}u${hexPattern(unit.toString(16).padStart(4, '0'))}`).join(''),
    `&(?:amp;){0,3}#(?:${sign.codePointAt(0)}|[xX]0{0,4}${hexPattern((sign.codePointAt(0) ?? 0).toString(16))});`,
    ...(OTHER_WAYS[sign] ?? []),
  ];
  return `(?:${ways.join('|')})`;
}

/** A line end, or the space that is left of it in one line. No text fits two of the ways, so that the search stays quick. */
const LINE_END = `(?:\\r?\\n|(?:\\\\{1,8}r)?\\\\{1,8}n|(?:%(?:25){0,3}0[dD])?%(?:25){0,3}0[aA]| )`;

/** More ways to write a sign: in forms, in JSON, in HTML, and in base64 for URLs. */
const OTHER_WAYS: Readonly<Record<string, readonly string[]>> = {
  ' ': ['\\+'],
  '+': ['-'],
  '/': ['_'],
  '\t': ['\\\\{1,8}t'],
  '&': ['&(?:amp;){1,4}'],
  '<': ['&(?:amp;){0,3}lt;'],
  '>': ['&(?:amp;){0,3}gt;'],
  '"': ['&(?:amp;){0,3}quot;'],
  "'": ['&(?:amp;){0,3}apos;'],
};

/** Hexadecimal digits in both cases. */
function hexPattern(digits: string): string {
  return digits.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}

function literal(sign: string): string {
  return sign.replace(/[\^$.*+?()[\]{}|/-]/, '\\$&');
}

/** Rows of codes as lists, dumps and escapes have them: `[104, 117]`, `68:75`, `\\u0068\\u0075`. Pretty JSON indents each number. */
const CODES =
  /(?<![\da-z])(?:0?x|u00)?[\da-f]{1,3}(?:[^\da-z]{1,40}(?:0?x|u00)?[\da-f]{1,3}(?![\da-z])){5,}/gi;

/** Codes are searched for in so many characters: no more of a result is kept, and the search holds the event loop. */
const CODED_MAX_LENGTH = 128 * 1024;

/** The text with the mark in place of each row of decimal or hexadecimal codes that has all bytes of a secret. */
export function blotCodes(text: string, secrets: () => Iterable<string>, mark: string): string {
  if (text.length > CODED_MAX_LENGTH)
    return blotCodes(text.slice(0, CODED_MAX_LENGTH), secrets, mark) + text.slice(CODED_MAX_LENGTH);
  const rows = text.match(CODES)?.map(bytesOfCodes);
  if (!rows) return text;
  const all = rows.length === 1 ? rows[0]! : Buffer.concat(rows);
  const found = Array.from(secrets(), (secret) => Buffer.from(secret)).filter((bytes) => all.includes(bytes));
  if (found.length === 0) return text;
  let at = -1;
  return text.replace(CODES, (row) => {
    at += 1;
    return found.some((bytes) => rows[at]!.includes(bytes)) ? mark : row;
  });
}

/** The bytes of a row, read as decimal codes and, behind a zero, as hexadecimal ones. */
function bytesOfCodes(row: string): Buffer {
  const decimal = Buffer.alloc(row.length);
  const hex = Buffer.alloc(row.length);
  let [count, tens, sixteens, length] = [0, 0, 0, 0];
  for (let at = 0; at <= row.length; at += 1) {
    const digit = digitOf(row.charCodeAt(at));
    if (digit !== undefined) {
      tens = 10 * tens + digit;
      sixteens = 16 * sixteens + digit;
      length += 1;
      continue;
    }
    const sign = row[at];
    if (sign === 'u' || sign === 'U') at += 2; // the zeros of an escape
    if (length > 0 && sign !== 'x' && sign !== 'X') {
      decimal[count] = tens;
      hex[count] = sixteens;
      count += 1;
    }
    [tens, sixteens, length] = [0, 0, 0];
  }
  return Buffer.concat([decimal.subarray(0, count + 1), hex.subarray(0, count + 1)]);
}

/** The value of a hexadecimal digit; undefined for another sign. */
function digitOf(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}
