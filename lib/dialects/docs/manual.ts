import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../package.ts';
import { renderMarkdown, type Heading } from './markdown.ts';

/** The pages of the manual by group, in the order of the contents. A page's name in a URL, and its file from the root of the package. */
export const contents: readonly { group: string; pages: Readonly<Record<string, string>> }[] = [
  {
    group: 'Begin',
    pages: {
      start: 'README.md',
      console: 'lib/docs/console.md',
      troubles: 'lib/docs/troubles.md',
      examples: 'lib/docs/examples.md',
    },
  },
  {
    group: 'Devices',
    pages: {
      devices: 'lib/docs/devices.md',
      openmodbus: 'lib/openspec/openmodbus/README.md',
      rules: 'lib/docs/rules.md',
      simulation: 'lib/docs/simulation.md',
      models: 'lib/docs/models.md',
    },
  },
  {
    group: 'Programs',
    pages: {
      apis: 'lib/docs/apis.md',
      'api-liteagent': 'lib/docs/api-liteagent.md',
      'api-devices': 'lib/docs/api-devices.md',
      mcp: 'lib/docs/mcp.md',
      'api-openai': 'lib/docs/api-openai.md',
      'api-mcp': 'lib/docs/api-mcp.md',
      'api-llmops': 'lib/docs/api-llmops.md',
      'api-chat': 'lib/docs/api-chat.md',
      'api-aideer': 'lib/docs/api-aideer.md',
    },
  },
  {
    group: 'Operation',
    pages: {
      running: 'lib/docs/running.md',
      upgrade: 'lib/docs/upgrade.md',
      settings: 'lib/docs/settings.md',
      'command-line': 'lib/docs/command-line.md',
      users: 'lib/docs/users.md',
      permissions: 'lib/docs/permissions.md',
      safety: 'lib/docs/safety.md',
      'how-it-works': 'lib/docs/how-it-works.md',
    },
  },
];

/** The file of each page by its name, and the name of each file: links in the texts are to files. */
const files = new Map(contents.flatMap(({ pages }) => Object.entries(pages)));
const names = new Map([...files].map(([name, file]) => [file, name]));

/** A page as HTML. */
export interface ManualPage {
  name: string;
  title: string;
  html: string;
  /** All headings of the page, its title first. */
  headings: Heading[];
}

/** The pages that were read, or are being read. */
const read = new Map<string, Promise<ManualPage>>();

/** A page by its name; undefined when there is none. Each file is read once in the life of the process. */
export function findPage(name: string): Promise<ManualPage> | undefined {
  const file = files.get(name);
  if (file === undefined) return undefined;
  const known = read.get(name) ?? readPage(name, file);
  read.set(name, known);
  // A page that could not be read is read again with the next request.
  known.catch(() => read.delete(name));
  return known;
}

/** Every page, in the order of the contents. */
export async function listPages(): Promise<ManualPage[]> {
  const pages: ManualPage[] = [];
  // One after the other, so that other requests get their turn between two pages.
  for (const name of files.keys()) pages.push(await findPage(name)!);
  return pages;
}

/** Reads a page. Its title is its first heading; without one it is the name. */
async function readPage(name: string, file: string): Promise<ManualPage> {
  const text = await readFile(join(packageRoot(), file), 'utf8');
  const { html, headings } = renderMarkdown(text, { file, urlOf });
  return { name, title: headings[0]?.text ?? name, html, headings };
}

/** The URL of a file of the package, when the manual shows it. */
function urlOf(file: string): string | undefined {
  const name = names.get(file);
  if (name !== undefined) return `/docs/${name}`;
  const picture = pictures.find((known) => `lib/docs/${known}` === file);
  return picture && `/docs/${picture}`;
}

/** The pictures of the console, which a script takes (.ci/picture.mjs). */
const pictures = ['console.webp', 'console-device.webp', 'mcp-inspector.webp'];

/** A picture of the manual; undefined for any other name. */
export function findPicture(name: string): Promise<Buffer> | undefined {
  return pictures.includes(name) ? readFile(join(packageRoot(), 'lib/docs', name)) : undefined;
}
