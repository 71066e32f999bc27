import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { lampTemplate } from '../../lib/cli/init/lamp.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { packageRoot } from '../../lib/package.ts';
import { runCommand } from '../support/command.ts';
import { openHouse } from '../support/scenario.ts';

describe('lite-agent run', function () {
  this.timeout(60_000); // each test starts processes, which take their time on a busy machine
  let cwd: string;
  let house: Awaited<ReturnType<typeof openHouse>>;
  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'run-'));
    house = await openHouse();
  });
  after(async () => {
    rmSync(cwd, { recursive: true });
    await house.close();
  });

  it('says every sentence and prints one JSON value', async () => {
    const scenario = {
      documents: house.documents,
      systemPrompt: 'You look after a house.',
      sentences: ['Turn on the light in the bedroom', 'Move the robot to shelf 3'],
    };
    const { code, stdout, stderr } = await runCommand(['run', '-', '--json'], {
      cwd,
      input: JSON.stringify(scenario),
    });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const { turns, ...more } = JSON.parse(stdout) as { turns: JsonObject[] };
    expect(more).to.deep.equal({});
    expect(
      turns.map(({ answer, ...turn }) => ({
        ...turn,
        answered: typeof answer === 'string' && answer !== '',
      })),
    ).to.deep.equal([
      {
        sentence: 'Turn on the light in the bedroom',
        toolCalls: [
          {
            name: 'switch_light',
            arguments: { room: 'bedroom', power: 'on' },
            result: {
              statusCode: 200,
              body: '{"room":"bedroom","power":"on","brightness":100,"color":"white"}',
            },
          },
        ],
        status: 'done',
        answered: true,
      },
      {
        sentence: 'Move the robot to shelf 3',
        toolCalls: [
          {
            name: 'robot_moveToShelf',
            arguments: { shelf: 3 },
            result: {
              statusCode: 200,
              body: '{"jsonrpc":"2.0","id":1,"result":{"shelf":3,"carries":0,"battery":95}}',
            },
          },
        ],
        status: 'done',
        answered: true,
      },
    ]);
  });

  it('reads YAML whose files are named relative to it, and prints for people', async () => {
    const folder = join(cwd, 'examples');
    mkdirSync(folder);
    copyFileSync(join(packageRoot(), 'examples/evening.scenario.yaml'), join(folder, 'evening.yaml'));
    for (const { document, device } of house.devices) {
      const port = /:(\d+)/.exec(device.server)?.[1] ?? '';
      const text = readFileSync(document, 'utf8').replaceAll(/953\d/g, port);
      writeFileSync(join(folder, basename(document)), text);
    }
    const { code, stdout, stderr } = await runCommand(['run', 'examples/evening.yaml'], { cwd });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout.split('\n').filter((line) => line.startsWith('> '))).to.have.length(5);
    expect(stdout).to.include('\n  switch_light {"room":"living-room","power":"on"} → {"statusCode":200,');
    const [air, lights, robot] = house.devices.map(({ device }) => device.state());
    expect(air).to.equal('room 28.4 ℃, target 21.5 ℃, off, cool');
    expect(lights).to.match(/^living-room on 40 % white, /);
    expect(robot).to.match(/^at shelf 12, /);
  });

  it('ends with 1 when a task fails, and shows the calls before it', async () => {
    const scenario = {
      llmConfig: { baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'sk-1', model: 'none' },
      sentences: ['Is anybody there?'],
    };
    const { code, stdout } = await runCommand(['run', '-', '--json'], {
      cwd,
      input: JSON.stringify(scenario),
    });
    expect(code).to.equal(1);
    expect(JSON.parse(stdout)).to.have.nested.property('turns[0].status', 'failed');
  });

  it('ends with 1 when a call fails or no device was called for a sentence, and names the sentences', async () => {
    const [, lights] = house.devices;
    const ran = (server: string) =>
      runCommand(['run', '-', '--server', server], {
        cwd,
        input: JSON.stringify({
          documents: [lights!.document],
          sentences: ['Turn on the kitchen light', 'Brew a coffee'],
        }),
      });
    const nothing = 'lite-agent: no device was called: Brew a coffee\n';
    const [works, fails] = [await ran(lights!.device.server), await ran('http://127.0.0.1:1')];
    expect([works.code, works.stderr]).to.deep.equal([1, nothing]);
    expect([fails.code, fails.stderr]).to.deep.equal([
      1,
      `lite-agent: a call of a device failed: Turn on the kitchen light\n${nothing}` +
        'Is the device switched on, and is its address right (--server)? "lite-agent simulate FILE" starts a stand-in.\n',
    ]);
  });

  it('warns of a key that no document asks for, on the standard error', async () => {
    writeFileSync(join(cwd, 'lamp.yaml'), lampTemplate);
    const input = JSON.stringify({ documents: ['lamp.yaml'], sentences: ['Hello'] });
    const ran = (key: string) =>
      runCommand(['run', '-', '--credentials', `{"${key}":"lamp-key-0123456789"}`], { cwd, input });
    const uncalled = 'lite-agent: no device was called: Hello\n'; // by the demo model
    expect([(await ran('kye')).stderr, (await ran('key')).stderr]).to.deep.equal([
      'lite-agent: warning: /openSpecList/0/credentials/kye: the document has no security scheme of this name, ' +
        `and the key is not sent; did you mean "key"?\n${uncalled}`,
      uncalled,
    ]);
  });

  it('names everything that is wrong with a scenario, and ends with 2', async () => {
    const input = JSON.stringify({ documents: 'x', sentences: [''], systemPrompt: 1, llmConfig: [] });
    expect(await runCommand(['run', '-'], { cwd, input })).to.deep.equal({
      code: 2,
      stdout: '',
      stderr:
        'lite-agent: the scenario cannot be used:\n' +
        '  /documents must be a list of files, URLs or objects with openSpec\n' +
        '  /sentences must be a list of at least one sentence\n' +
        '  /systemPrompt must be a text\n' +
        '  /llmConfig must be an object\n',
    });
  });

  it('ends with 1 when a scenario or one of its documents cannot be read or used', async () => {
    writeFileSync(join(cwd, 's.yaml'), 'documents: [missing.json]\nsentences: [Hello]\n');
    writeFileSync(join(cwd, 'bad.yaml'), 'documents: [s.yaml]\nsentences: [Hello]\n');
    const results = await Promise.all([
      runCommand(['run', 'nowhere.yaml'], { cwd }),
      runCommand(['run', 's.yaml'], { cwd }),
      runCommand(['run', 'bad.yaml'], { cwd }),
      runCommand(['run', '-'], { cwd, input: '{' }),
    ]);
    expect(results.map(({ code, stdout }) => [code, stdout])).to.deep.equal(results.map(() => [1, '']));
    const [noScenario, noDocument, notOne, notJson] = results.map(({ stderr }) => stderr);
    expect(noScenario).to.equal('lite-agent: nowhere.yaml cannot be read: there is no such file\n');
    expect(noDocument).to.equal('lite-agent: missing.json cannot be read: there is no such file\n');
    expect(notOne).to.match(/^lite-agent: http:\S+\/init: /);
    expect(notJson).to.match(/^lite-agent: .*JSON/);
  });
});
