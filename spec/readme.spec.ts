import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createProgram } from '../lib/cli/main.ts';
import { packageRoot } from '../lib/package.ts';
import { envNameOf, limits, settings } from '../lib/settings.ts';

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

describe('the README', () => {
  const root = packageRoot();
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };

  /** Every text that matches the pattern's first group, once. */
  function named(pattern: RegExp, text = readme): string[] {
    return [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))];
  }

  it('has a row for every setting, with its default and meaning', () => {
    const rows = Object.entries(settings).map(
      ([name, [standard, meaning]]) => [name, standard, meaning] as const,
    );
    expect(readme).to.include(tableOf(rows));
  });

  it('has a row for every limit, with its default and meaning', () => {
    const rows = Object.entries(limits).map(
      ([name, [value, meaning]]) => [envNameOf(name), inWords(name, value), meaning] as const,
    );
    expect(readme).to.include(tableOf(rows));
  });

  it('names no setting that does not exist', () => {
    const known = [...Object.keys(settings), ...Object.keys(limits).map(envNameOf)];
    const others = ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'OPENAI_MODEL'];
    const words = named(/\b([A-Z]+(?:_[A-Z]+)+)\b/g).filter(
      (name) => !['TASK_DONE', 'TASK_STOP'].includes(name),
    );
    const demoLess = words.filter((name) => !/^(TASK|TOOLS)_(START|DONE|STOP)$/.test(name));
    expect(demoLess.filter((name) => ![...known, ...others].includes(name))).to.deep.equal([]);
    expect(demoLess).to.include.members(others);
  });

  it('names every script, and none that does not exist', () => {
    const aliases = named(/\bnpm (start|test|cit)\b/g).map((name) => (name === 'cit' ? 'test' : name));
    const mentioned = new Set([...named(/\bnpm run ([\w:]+)/g), ...aliases]);
    const called = Object.keys(scripts).filter((name) => name !== 'prepack'); // npm runs it by itself
    expect([...mentioned]).to.have.members(called);
  });

  it('has a row for every command with all its options, and no other', () => {
    const [, section = ''] = /^## Command line\n(.*?)^## /ms.exec(readme) ?? [];
    const written = [...section.matchAll(/^\| `([a-z]+)([^`]*)` \|/gm)].map(([, name = '', usage = '']) => [
      name,
      named(/--([a-z-]+)/g, usage),
    ]);
    const existing = createProgram().commands.map((command) => [
      command.name(),
      command.options.map(({ long }) => long?.slice(2) ?? ''),
    ]);
    expect(written).to.deep.equal(existing);
    const used = named(/\blite-agent ([a-z]+)\b/g, readme.replaceAll(/^.* lite-agent$/gm, ''));
    expect(createProgram().commands.map((command) => command.name())).to.include.members(used);
  });

  it('links to what exists, and to every example', () => {
    const links = named(/\]\((?!https?:)([^)#]+)\)/g);
    expect(links.filter((link) => !existsSync(join(root, link)))).to.deep.equal([]);
    expect(links).to.include.members(readdirSync(join(root, 'examples')).map((name) => `examples/${name}`));
  });

  it("offers what package.json's bin and engines say", () => {
    const { bin, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
      engines: { node: string };
    };
    expect(readme).to.include(`CMD ["node", "${bin['lite-agent'] ?? ''}", "serve"]`);
    expect(readme).to.include(`Node ${engines.node.replace('>=', '')} or newer`);
  });
});
