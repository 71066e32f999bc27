import { AppError } from '../errors.ts';

const USERNAME_MAX = 50;
const NAME_MAX = 200;
const EMAIL_MAX = 254;

/** The scripts that names are written in today [UAX 31 table 5]. */
const SCRIPTS =
  'Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Kannada Katakana Khmer Lao Latin Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan'.split(
    ' ',
  );
/** Scripts that people of one language use together: Japanese, Chinese and Korean, each with Latin [UTS 39 5.2]. */
const TOGETHER = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];
/** Texts that are "highly restrictive" [UTS 39 5.2]. Digits and signs belong to every script. */
const oneScript = [...SCRIPTS.map((script) => [script]), ...TOGETHER].map((scripts) => {
  const classes = [...scripts, 'Common', 'Inherited'].map((script) => `\\p{Script_Extensions=${script}}`);
  return new RegExp(`^[${classes.join('')}]*$`, 'u');
});

/** Letters and signs that nobody sees, such as the filler of Hangul [UTS 39 3.1]. Names for people may need some of them. */
const INVISIBLE_LETTERS = /[\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Whether a text is of one script, or of scripts that people of one language use together. */
function isOfOneScript(text: string): boolean {
  return oneScript.some((pattern) => pattern.test(text));
}

/** The form in which usernames and e-mails are compared: texts that look the same are the same [Unicode NFKC]. */
export function loginKey(text: string): string {
  return text.trim().normalize('NFKC').toLowerCase();
}

/**
 * A new username in its usual form [Unicode NFKC], without space around it. Throws `invalid_request`, also for a name with an
 * `@`, which could be the e-mail of somebody else, and for a name of several scripts, which can look like another name.
 */
export function checkUsername(text: string): string {
  const name = checked('/username', text.normalize('NFKC'), USERNAME_MAX);
  if (name.includes('@')) fail('/username', 'must not have an @: only e-mails have one');
  if (INVISIBLE_LETTERS.test(name)) failInvisible('/username');
  if (!isOfOneScript(name))
    fail(
      '/username',
      'must be of one common script: letters of Latin and Cyrillic, for example, cannot be mixed',
    );
  return name;
}

/** A user's name for people, without space around it. Throws `invalid_request`. */
export function checkDisplayName(text: string): string {
  return checked('/name', text.normalize('NFC'), NAME_MAX);
}

/** A text in the form of an e-mail address; only a mail can show whether the address exists. Throws `invalid_request`. */
export function checkEmail(text: string): string {
  const email = checked('/email', text, EMAIL_MAX);
  if (!/^[^\s@]+@[^\s@.]+(\.[^\s@.]+)*$/.test(email)) fail('/email', 'is not an e-mail address');
  return email;
}

/** A telephone number as people dial it: digits, with a plus before a country code. Throws `invalid_request`. */
export function checkTelephone(text: string): string {
  const number = text.replaceAll(/[\s().-]/g, '');
  if (!/^\+?\d{5,15}$/.test(number)) fail('/telephone', 'is not a telephone number');
  return number;
}

/** A text without space around it, of 1 to `most` characters that can be seen. */
function checked(pointer: string, text: string, most: number): string {
  const clean = text.trim();
  const length = Array.from(clean).length;
  if (length < 1 || length > most) fail(pointer, `must have 1 to ${most} characters`);
  if (clean.replaceAll(new RegExp(INVISIBLE_LETTERS, 'gu'), '') === '') failInvisible(pointer);
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(clean)) failInvisible(pointer);
  return clean;
}

function failInvisible(pointer: string): never {
  fail(pointer, 'has invisible characters');
}

function fail(pointer: string, detail: string): never {
  throw new AppError('invalid_request', `The ${pointer.slice(1)} ${detail}.`, {
    faults: [{ pointer, detail }],
  });
}
