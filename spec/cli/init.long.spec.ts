import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { runTools } from '../../lib/cli/tools.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { runCommand } from '../support/command.ts';
import { captureOutput } from '../support/output.ts';
import { needPeer } from '../support/peers.ts';

/** Whether the schema for editors takes a document. */
const isTaken = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync('examples/openmodbus.schema.json', 'utf8')) as object,
);

describe('lite-agent init', function () {
  this.timeout(60_000);
  let cwd: string;
  before(() => (cwd = mkdtempSync(join(tmpdir(), 'init-'))));
  after(() => rmSync(cwd, { recursive: true }));

  for (const [device, file, tools] of [
    ['meter', 'meter.openmodbus.yaml', ['read_power', 'read_energy', 'set_limit']],
    ['lamp', 'lamp.openapi.yaml', ['get_power', 'set_power']],
    ['robot', 'robot.openrpc.yaml', ['robot_status', 'robot_move']],
  ] as const)
    it(`writes a document of a ${device} that has tools and no warnings`, async () => {
      const { code, stdout } = await runCommand(['init', device], { cwd });
      expect([code, stdout.split('\n')[0]]).to.deep.equal([0, `${file} is written. Next:`]);
      const io = captureOutput();
      await runTools(join(cwd, file), { json: true }, io);
      const described = JSON.parse(io.text()) as { tools: { name: string }[]; warnings: string[] };
      expect(described.tools.map(({ name }) => name)).to.deep.equal(tools);
      expect(described.warnings).to.deep.equal([]);
    });

  it('overwrites nothing', async () => {
    const { code, stderr } = await runCommand(['init', 'lamp', 'lamp.openapi.yaml'], { cwd });
    expect([code, stderr]).to.deep.equal([
      2,
      'lite-agent: lamp.openapi.yaml cannot be written: it is there already; name another file.\n',
    ]);
  });

  it('names the schema for editors, which takes the template and the example, and finds slips', () => {
    const template = readFileSync(join(cwd, 'meter.openmodbus.yaml'), 'utf8');
    const [, schema = ''] = /\$schema=(\S+)/.exec(template) ?? [];
    expect(readFileSync(schema, 'utf8')).to.equal(readFileSync('examples/openmodbus.schema.json', 'utf8'));
    const example = JSON.parse(
      readFileSync('examples/air-conditioner.openmodbus.json', 'utf8'),
    ) as JsonObject;
    expect([isTaken(parse(template)), isTaken(example)]).to.deep.equal([true, true]);
    expect(isTaken(parse(template.replace('multiplier', 'multiplyer')))).to.equal(false);
  });
});

/** Types lines with a tab at the end, and prints the line that zsh has made of each. */
const zshTyping = `
zmodload zsh/zpty
zpty sh zsh -f -i
say() { zpty -w -n sh "$1"; zpty -r -m sh out "*$2*"; }
say 'lite-agent() { echo "<$*>"; }; source '$1'; echo rea""dy'$'\\r' ready
for line in \${@:2}; do
  say "lite-agent $line"$'\\t\\r' '<*>'
  print -r -- $out | grep -o '<[^>]*>'
done`;

describe('lite-agent completion', function () {
  this.timeout(60_000);
  const half = ['to', 'init m', 'call --se', 'user rev'];
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'completion-'))));
  after(() => rmSync(folder, { recursive: true }));
  /** A file with the script for a shell. */
  async function scriptFor(shell: string): Promise<string> {
    const file = join(folder, shell);
    writeFileSync(file, (await runCommand(['completion', shell])).stdout);
    return file;
  }
  const run = (shell: string, ...args: string[]): string[] => {
    const env = { ...process.env, HOME: folder };
    return execFileSync(shell, args, { encoding: 'utf8', env, timeout: 30_000 }).trim().split('\n');
  };

  it('works in a zsh that has no settings', async function () {
    needPeer(this, 'zsh');
    expect(run('zsh', '-f', '-c', zshTyping, 'zsh', await scriptFor('zsh'), ...half)).to.deep.equal([
      '<tools>',
      '<init meter>',
      '<call --server>',
      '<user revoke-key>',
    ]);
  });

  it('works in fish', async function () {
    needPeer(this, 'fish');
    const file = await scriptFor('fish');
    const asked = half.map((line) => `complete -C 'lite-agent ${line}'`).join('; ');
    expect(run('fish', '-N', '-c', `source ${file}; ${asked}`)).to.deep.equal([
      'tools',
      'meter',
      '--server',
      'revoke-key',
    ]);
  });

  it('completes commands, their options and their choices', async () => {
    const { stdout } = await runCommand(['completion', 'bash']);
    const complete = async (...words: string[]): Promise<string[]> => {
      const quoted = words.map((word) => `'${word}'`).join(' ');
      const script = `${stdout}\nCOMP_WORDS=(${quoted}) COMP_CWORD=${words.length - 1}\n_lite_agent\necho "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split(' ');
    };
    expect(await complete('lite-agent', 'to')).to.deep.equal(['tools']);
    expect(await complete('lite-agent', 'init', 'm')).to.deep.equal(['meter']);
    expect(await complete('lite-agent', 'call', '--s')).to.deep.equal(['--server']);
    expect(await complete('lite-agent', 'user', 'rev')).to.deep.equal(['revoke-key']);
  });
});
