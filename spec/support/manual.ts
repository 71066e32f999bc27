import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/package.ts';

/** A page of the manual: the README, or a file of lib/docs. */
export interface ManualPage {
  /** The path from the root of the project. */
  path: string;
  text: string;
}

/** A fenced block of a page [CommonMark 4.5]. */
export interface CodeBlock {
  language: string;
  code: string;
}

/** Every page of the manual, the README first. */
export function manualPages(): ManualPage[] {
  const docs = readdirSync(join(packageRoot(), 'lib/docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.map((name) => `lib/docs/${name}`)].map((path) => ({
    path,
    text: readFileSync(join(packageRoot(), path), 'utf8'),
  }));
}

/** The blocks of a page with a language. */
export function codeBlocks({ text }: Pick<ManualPage, 'text'>, language: string): CodeBlock[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .map(([, found = '', code = '']) => ({ language: found, code }))
    .filter((block) => block.language === language);
}
