import { AppError, messageOf } from '../errors.ts';

/** An error in words for the person at the terminal. */
export function exitText(error: unknown): string {
  if (error instanceof AppError) return messageOf(error);
  if (isUnbuilt(error))
    return 'a compiled package, such as better-sqlite3, is missing or is for another Node.js. Run `npm ci` with the Node.js that starts this program.';
  return `unexpected: ${messageOf(error)}`;
}

/** A package with native code says so by a code of Node.js, or by the sentence of the package `bindings`. */
function isUnbuilt(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ERR_DLOPEN_FAILED' || error.message.startsWith('Could not locate the bindings file');
}
