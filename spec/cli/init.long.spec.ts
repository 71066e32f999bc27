import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { runTools } from '../../lib/cli/tools.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { runCommand } from '../support/command.ts';
import { captureOutput } from '../support/output.ts';

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

describe('lite-agent completion', () => {
  it('completes commands, their options and their choices', async () => {
    const { stdout } = await runCommand(['completion', 'bash']);
    const complete = async (...words: string[]): Promise<string[]> => {
      const { execFileSync } = await import('node:child_process');
      const quoted = words.map((word) => `'${word}'`).join(' ');
      const script = `${stdout}\nCOMP_WORDS=(${quoted}) COMP_CWORD=${words.length - 1}\n_lite_agent\necho "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split(' ');
    };
    expect(await complete('lite-agent', 'to')).to.deep.equal(['tools']);
    expect(await complete('lite-agent', 'init', 'm')).to.deep.equal(['meter']);
    expect(await complete('lite-agent', 'call', '--s')).to.deep.equal(['--server']);
    expect(await complete('lite-agent', 'user', 'rev')).to.deep.equal(['revoke-key']);
    for (const shell of ['zsh', 'fish'])
      expect((await runCommand(['completion', shell])).stdout).to.include(
        'lite_agent'.replace('_', shell === 'fish' ? '-' : '_'),
      );
  });
});
