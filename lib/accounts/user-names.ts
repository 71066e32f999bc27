import { AppError } from '../errors.ts';

const USERNAME_MAX = 50;
const NAME_MAX = 200;
const EMAIL_MAX = 254;

/** The form in which usernames and e-mails are compared: texts that look the same are the same [Unicode NFKC]. */
export function loginKey(text: string): string {
  return text.trim().normalize('NFKC').toLowerCase();
}

/** A username without space around it. Throws `invalid_request`. */
export function checkUsername(text: string): string {
  return checked('/username', text, USERNAME_MAX);
}

/** A user's name for people, without space around it. Throws `invalid_request`. */
export function checkDisplayName(text: string): string {
  return checked('/name', text, NAME_MAX);
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
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(clean)) fail(pointer, 'has invisible characters');
  return clean;
}

function fail(pointer: string, detail: string): never {
  throw new AppError('invalid_request', `The ${pointer.slice(1)} ${detail}.`, {
    faults: [{ pointer, detail }],
  });
}
