import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AppError } from '../errors.ts';

/**
 * Reads a password. A terminal is asked twice, and does not show it; a pipe gives its first line. Throws an AppError when
 * the input ends too early, or the two passwords differ.
 */
export async function readPassword(
  input: NodeJS.ReadableStream & { isTTY?: boolean },
  prompts: NodeJS.WritableStream,
): Promise<string> {
  const terminal = input.isTTY === true;
  // readline echoes what is typed to its output: this one shows nothing.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, terminal, ...(terminal && { output: nowhere }) });
  const ask = async (prompt: string): Promise<string> => {
    if (terminal) prompts.write(prompt);
    const answer = await new Promise<string | undefined>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(undefined));
      lines.once('SIGINT', () => lines.close());
    });
    // The line end of the person was not shown either.
    if (terminal) prompts.write('\n');
    if (answer === undefined)
      throw new AppError(
        'invalid_request',
        'A password is needed: on the terminal, from a pipe, or with --password.',
      );
    return answer;
  };
  try {
    const password = await ask('Password: ');
    if (terminal && (await ask('The same again: ')) !== password)
      throw new AppError('invalid_request', 'The two passwords differ.');
    return password;
  } finally {
    lines.close();
  }
}
