import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect } from 'chai';
import { parse } from 'dotenv';
import type { Command } from 'commander';
import { createProgram } from '../lib/cli/main.ts';
import { readConfig } from '../lib/config.ts';
import { parseRules } from '../lib/devices/parse-rules.ts';
import { initSchema } from '../lib/dialects/liteagent/init.ts';
import { contents } from '../lib/dialects/docs/manual.ts';
import { parseText } from '../lib/openspec/parse.ts';
import { packageRoot } from '../lib/package.ts';
import { envNameOf, limits, settings } from '../lib/settings.ts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { codeBlocks, manualPages } from './support/manual.ts';

/** 67108864 → `64 MiB`, 30000 → `30 s`. */
function inWords(limit: string, value: number): string {
  const units: [string, [number, string][]][] = [
    [
      'Bytes',
      [
        [2 ** 20, 'MiB'],
        [2 ** 10, 'KiB'],
      ],
    ],
    [
      'Ms',
      [
        [60_000, 'min'],
        [1000, 's'],
      ],
    ],
  ];
  const sizes = units.find(([ending]) => limit.endsWith(ending))?.[1] ?? [];
  const fitting = sizes.find(([size]) => value % size === 0);
  return fitting === undefined ? `\`${value}\`` : `\`${value}\` (${value / fitting[0]} ${fitting[1]})`;
}

function tableOf(rows: readonly (readonly [string, string, string])[]): string {
  const lines = rows.map(([name, standard, meaning]) => `| \`${name}\` | ${standard} | ${meaning} |`);
  return ['| name | default | meaning |', '|---|---|---|', ...lines].join('\n');
}

const program = await createProgram();

describe('the manual', () => {
  const root = packageRoot();
  const pages = manualPages();
  const all = pages.map(({ text }) => text).join('\n');
  const pageOf = (name: string): string => pages.find(({ path }) => path === `lib/docs/${name}`)?.text ?? '';
  const filesOf = (folder: string): string[] =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);

  /** Every text that matches the pattern's first group, once. */
  function named(pattern: RegExp, text = all): string[] {
    return [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))];
  }

  it('has a row for every setting, with its default and meaning', () => {
    const rows = Object.entries(settings).map(
      ([name, [standard, meaning]]) => [name, standard, meaning] as const,
    );
    expect(pageOf('settings.md')).to.include(tableOf(rows));
  });

  it('has a row for every limit, with its default and meaning', () => {
    const rows = Object.entries(limits).map(
      ([name, [value, meaning]]) => [envNameOf(name), inWords(name, value), meaning] as const,
    );
    expect(pageOf('settings.md')).to.include(tableOf(rows));
  });

  it('names no setting that does not exist', () => {
    const known = [...Object.keys(settings), ...Object.keys(limits).map(envNameOf)];
    const others = ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'OPENAI_MODEL'];
    const words = named(/\b([A-Z]+(?:_[A-Z]+)+)\b/g).filter((name) => !/^(TASK|TOOLS)_/.test(name));
    expect(words.filter((name) => ![...known, ...others].includes(name))).to.deep.equal([]);
    expect(words).to.include.members(others);
  });

  it('has a row for every command with all its options, and no other', () => {
    const written = [...pageOf('command-line.md').matchAll(/^\| `([a-z]+)([^`]*)` \|/gm)].map(
      ([, name = '', usage = '']) => [name, named(/--([a-z-]+)/g, usage)],
    );
    const existing = program.commands.map((command) => [
      command.name(),
      command.options.map(({ long }) => long?.slice(2) ?? ''),
    ]);
    expect(written).to.deep.equal(existing);
  });

  it('shows command lines with commands and options that exist', () => {
    const lines = pages.flatMap((page) => codeBlocks(page, 'sh').flatMap(({ code }) => code.split('\n')));
    const faults = lines
      .map((line) => line.replace(/\s+#.*/, ''))
      .filter((line) => line.startsWith('npx lite-agent '))
      .flatMap((line) => faultsOf(line.split(/\s+/).slice(2)).map((fault) => `${line}: ${fault}`));
    expect(faults).to.deep.equal([]);
    const inText = named(/`(?:npx )?lite-agent ([a-z]+)\b/g);
    expect(program.commands.map((command) => command.name())).to.include.members(inText);
  });

  it('names scripts that exist, and CONTRIBUTING.md every one', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const contributing = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
    const inPages = named(/\bnpm run ([\w:]+)/g, all + contributing);
    expect(Object.keys(scripts)).to.include.members(inPages);
    const shown = named(/\bnpm (?:run )?([\w:]+)/g, all + contributing);
    const called = Object.keys(scripts).filter((name) => name !== 'prepack'); // npm runs it by itself
    expect(shown).to.include.members(called);
  });

  it('links to pages, headings and files that exist', () => {
    const broken = pages.flatMap(({ path, text }) =>
      named(/\]\((?!https?:)([^)]+)\)/g, text)
        .filter((link) => !existsSync(join(root, dirname(path), link.replace(/#.*/, ''))))
        .map((link) => `${path}: ${link}`),
    );
    expect(broken).to.deep.equal([]);
  });

  it('leads to every page, and to every example', () => {
    const linked = pages.flatMap(({ path, text }) =>
      named(/\]\((?!https?:)([^)#]+)\)/g, text).map((link) => normalize(join(dirname(path), link))),
    );
    expect(linked).to.include.members(filesOf('lib/docs'));
    expect(linked).to.include.members([...filesOf('examples'), ...filesOf('examples/rules')]);
  });

  it('is shown at /docs page by page, none forgotten', () => {
    const files = filesOf('lib/docs').filter((path) => path.endsWith('.md'));
    const shown = contents.flatMap((group) => Object.values(group.pages));
    expect(shown).to.include.members(files);
    expect(shown.filter((path) => !existsSync(join(root, path)))).to.deep.equal([]);
  });

  it('has JSON that the server takes, rules that can be read, and settings that are right', async () => {
    const checkInit = new Ajv2020({ strict: false }).compile(initSchema);
    for (const page of pages) {
      for (const { code } of codeBlocks(page, 'json'))
        expect([checkInit(JSON.parse(code)), checkInit.errors], code).to.deep.equal([true, null]);
      for (const { code } of codeBlocks(page, 'yaml'))
        parseRules((await parseText(code)).document, page.path);
      for (const { code } of codeBlocks(page, 'ini'))
        readConfig({ env: { ...parse(code) }, cwd: '/nowhere' });
    }
    const kinds = new Set([...all.matchAll(/^```(\w+)$/gm)].map(([, kind]) => kind));
    expect([...kinds]).to.have.members(['ini', 'js', 'json', 'sh', 'text', 'yaml']);
  });

  it('has an image that starts the program of the package', () => {
    const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
    expect(dockerfile).to.include('ENTRYPOINT ["/nodejs/bin/node", "bin/lite-agent.mjs"]\nCMD ["serve"]');
    expect(readFileSync(join(root, 'bin/lite-agent.mjs'), 'utf8')).to.include("'../dist/bin/lite-agent.js'");
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).to.include.members(['.env.local', '.env.docker', 'data', '.git', 'node_modules']);
  });
});

/** The words of a command line that its command does not know. */
function faultsOf(words: readonly string[]): string[] {
  let command: Command = program;
  for (const word of words) {
    const next = command.commands.find((known) => known.name() === word);
    if (!next) break;
    command = next;
  }
  if (!command.parent) return [`no command ${words[0] ?? ''}`];
  const known = new Set(command.options.map(({ long }) => long));
  return words.filter((word) => word.startsWith('--') && !known.has(word));
}
