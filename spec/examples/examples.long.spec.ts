import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { packageRoot } from '../../lib/package.ts';
import { simulateHouse } from '../../lib/cli/demo/house.ts';
import { runCommand, startCommand, tsx } from '../support/command.ts';
import { needPeer } from '../support/peers.ts';

interface Tools {
  kind: string;
  operations: number;
  tools: { name: string; effect: string }[];
  skipped: unknown[];
  warnings: unknown[];
}

describe('the examples', function () {
  this.timeout(60_000); // each test starts processes, which take their time on a busy machine
  const examples = join(packageRoot(), 'examples');

  const documents: [string, string, string[]][] = [
    [
      'air-conditioner.openmodbus.json',
      'openmodbus',
      [
        'read_room_temperature read',
        'get_target_temperature read',
        'set_target_temperature write',
        'get_power read',
        'set_power write',
        'get_mode read',
        'set_mode write',
      ],
    ],
    [
      'lights.openapi.json',
      'openapi',
      [
        'list_lights read',
        'get_light read',
        'switch_light write',
        'set_light_brightness write',
        'set_light_color write',
      ],
    ],
    [
      'robot.openrpc.json',
      'openrpc',
      ['robot_status read', 'robot_battery read', 'robot_moveToShelf write', 'robot_pick write'],
    ],
  ];
  for (const [file, kind, tools] of documents) {
    it(`have in ${file} a document without a flaw`, async () => {
      const { code, stdout, stderr } = await runCommand(['tools', join(examples, file), '--json']);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      const spec = JSON.parse(stdout) as Tools;
      expect({ ...spec, tools: spec.tools.map(({ name, effect }) => `${name} ${effect}`) }).to.deep.equal({
        kind,
        operations: tools.length,
        tools,
        skipped: [],
        warnings: [],
      });
    });
  }

  it('have devices that run alone, and end at Ctrl-C', async () => {
    const child = spawn(process.execPath, ['--import', tsx, join(examples, 'devices.ts')], { stdio: 'pipe' });
    const ended = once(child, 'close');
    let stdout = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    while (stdout.split('\n').length < 4) await once(child.stdout, 'data');
    expect(stdout.split('\n').map((line) => line.replace(/ at \S+:\d+/, ''))).to.deep.equal([
      'air conditioner: room 28.4 ℃, target 26 ℃, off, cool',
      'lights: living-room off, kitchen off, bedroom off',
      'robot/rpc: at shelf 1, carries 0, battery 96 %',
      '',
    ]);
    child.kill('SIGINT');
    expect(await ended).to.deep.equal([0, null]);
  });

  it('control a session with curl and talk to it from a client of thirty lines', async function () {
    needPeer(this, 'curl');
    const cwd = mkdtempSync(join(tmpdir(), 'session-'));
    const house = await simulateHouse();
    const server = startCommand(['serve'], { cwd, env: { PORT: '0', LOG_LEVEL: 'silent' } });
    try {
      const [line] = (await once(server.stdout, 'data')) as [Buffer];
      const SERVER = /http:\S+/.exec(line.toString())?.[0];
      const lights = house.devices[1]?.device;
      const env = { ...process.env, SERVER, LIGHTS: lights?.server };
      const script = spawn('bash', [join(examples, 'session.sh')], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [stdout, , [code]] = await Promise.all([
        text(script.stdout),
        text(script.stderr),
        once(script, 'close'),
      ]);
      expect(code).to.equal(0);
      const [, id = ''] = /^session: +(\S+)$/m.exec(stdout) ?? [];
      const lines = stdout.trim().split('\n');
      expect(lines.filter((said) => said.startsWith('agent → client'))).to.deep.equal([
        'agent → client: [TASK_START]',
        'agent → client: [TOOLS_START]',
        'agent → client: [TOOLS_DONE]',
        'agent → client: [TASK_DONE]',
      ]);
      expect(lights?.state()).to.equal('living-room off, kitchen on 100 % white, bedroom off');
      const history = JSON.parse(lines.at(-3)?.slice('history:'.length) ?? '') as unknown[];
      expect(history).to.have.length(14);
      expect(lines.slice(-2)).to.deep.equal([`stop:     {"id":"${id}"}`, `clear:    {"id":"${id}"}`]);
    } finally {
      const ended = once(server, 'close');
      server.kill('SIGTERM');
      await ended;
      await house.close();
      rmSync(cwd, { recursive: true });
    }
  });
});
