import { AppError } from '../errors.ts';

const USERNAME_MAX = 50;
const NAME_MAX = 200;
const EMAIL_MAX = 254;

/** The form in which usernames and e-mails are compared: what looks the same is the same. */
export function loginKey(text: string): string {
  return text.trim().normalize('NFKC').toLowerCase();
}

/** A username without space around it. Throws `invalid_request`. */
export function checkUsername(text: string): string {
  return checked('/username', text, USERNAME_MAX);
}

/** What a user is called. Throws `invalid_request`. */
export function checkDisplayName(text: string): string {
  return checked('/name', text, NAME_MAX);
}

/** Something that can be an e-mail address; whether it is one shows only a mail. Throws `invalid_request`. */
export function checkEmail(text: string): string {
  const email = checked('/email', text, EMAIL_MAX);
  if (!/^[^\s@]+@[^\s@.]+(\.[^\s@.]+)*$/.test(email)) fail('/email', 'is not an e-mail address');
  return email;
}

/** A telephone number as it is dialled: digits, with a plus before a country code. Throws `invalid_request`. */
export function checkTelephone(text: string): string {
  const number = text.replaceAll(/[\s().-]/g, '');
  if (!/^\+?\d{5,15}$/.test(number)) fail('/telephone', 'is not a telephone number');
  return number;
}

function checked(pointer: string, text: string, most: number): string {
  const clean = text.trim();
  const length = Array.from(clean).length;
  if (length < 1 || length > most) fail(pointer, `must have 1 to ${most} characters`);
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(clean)) fail(pointer, 'has characters that cannot be seen');
  return clean;
}

function fail(pointer: string, detail: string): never {
  throw new AppError('invalid_request', `The ${pointer.slice(1)} ${detail}.`, {
    faults: [{ pointer, detail }],
  });
}
