import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { AppError, messageOf } from './errors.ts';

/** The values of a file such as `.env`; none when there is no such file. Throws `invalid_request` for one that cannot be read. */
export function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new AppError('invalid_request', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
