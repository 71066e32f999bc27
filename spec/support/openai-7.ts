import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from 'mocha';
import type OpenAI6 from 'openai';

/**
 * OpenAI's client of version 7, as far as it is the same as version 6. It asks for Node 22, so that it is no package of the
 * repository: `.ci/run` installs it in the folder OPENAI_7. Skips the test where it is missing, with the reason in the title.
 */
export async function importOpenAI7(context: Context): Promise<typeof OpenAI6> {
  const folder = process.env['OPENAI_7'];
  const file = join(folder ?? '', 'node_modules/openai/index.mjs');
  if (folder !== undefined && existsSync(file)) {
    const { OpenAI } = (await import(pathToFileURL(file).href)) as { OpenAI: typeof OpenAI6 };
    return OpenAI;
  }
  const reason = 'openai 7 is not installed: .ci/run installs it in the folder OPENAI_7';
  if (process.env['CI'] !== undefined) throw new Error(reason);
  if (context.test !== undefined) context.test.title += ` (${reason})`;
  context.skip();
}
