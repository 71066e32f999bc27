import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTools, type ToolsOptions } from '../../lib/cli/tools.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { jsonAnswer, openSite } from '../../lib/simulate/http-site.ts';
import { runCommand } from '../support/command.ts';
import { captureOutput } from '../support/output.ts';
import { refusalOf } from '../support/refusal.ts';

/** What a terminal shows of a text with colours. */
const bare = (text: string): string =>
  text
    .split('\u001B[')
    .map((part, index) => (index === 0 ? part : part.replace(/^\d+m/, '')))
    .join('');

describe('cli/tools', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tools-'));
  });
  after(() => rm(folder, { recursive: true }));

  const shown = async (place: string, options: ToolsOptions = {}, terminal?: number): Promise<string> => {
    const io = captureOutput(terminal);
    expect(await runTools(place, options, io)).to.equal(0);
    return io.text();
  };
  const save = async (name: string, document: JsonObject | string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, typeof document === 'string' ? document : JSON.stringify(document));
    return path;
  };
  const refusal = async (place: string, options: ToolsOptions = {}): Promise<string> => {
    return (await refusalOf(runTools(place, options, captureOutput()))).message;
  };
  const odd: JsonObject = {
    openrpc: '1.3.2',
    info: { title: 'Fan' },
    methods: [
      {
        name: 'fan.on',
        summary: 'Switches the fan on\nat once',
        params: [{ name: 'speed', required: true, schema: { type: 'integer' } }],
      },
      { name: 'fan.state', summary: 'x'.repeat(100), params: [], result: {}, 'x-lite-agent-effect': 'read' },
      { name: 'fan.broken', params: [{ $ref: '#/none' }] },
    ],
  };

  it('shows every kind of document', async () => {
    for (const [file, head, tool] of [
      [
        'examples/robot.openrpc.json',
        'Warehouse robot: openrpc, 4 operations, 4 tools',
        /robot_pick +write +robot\.pick +Pick items/,
      ],
      [
        'examples/lights.openapi.json',
        'Lights: openapi, 5 operations, 5 tools',
        /get_light +read +GET \/rooms\/\{room\}\/light +Get the state/,
      ],
      [
        'examples/air-conditioner.openmodbus.json',
        'Air conditioner: openmodbus, 7 operations, 7 tools',
        /set_power +write +set_power +Turn/,
      ],
    ] as const) {
      const text = await shown(file);
      expect(text.split('\n')[0]).to.equal(head);
      expect(text).to.match(tool);
    }
  });

  it('shows skipped operations and warnings', async () => {
    const path = await save('odd.json', odd);
    expect(await shown(path)).to.equal(
      [
        'Fan: openrpc, 3 operations, 2 tools',
        '  fan_on     write  fan.on     Switches the fan on',
        '      speed  integer',
        `  fan_state  read   fan.state  ${'x'.repeat(100)}`,
        '',
        'Skipped (1)',
        '  fan.broken  the $ref "#/none" of params/0 leads nowhere',
        '',
        'Warnings (1)',
        '  The document names no server: calls need a server given with the document.',
        '',
      ].join('\n'),
    );
  });

  it('shows the arguments with their values, and the place in the device', async () => {
    const below = async (file: string, tool: string): Promise<string[]> => {
      const lines = (await shown(`examples/${file}`)).split('\n');
      const at = lines.findIndex((line) => line.startsWith(`  ${tool} `));
      const end = lines.findIndex((line, index) => index > at && !line.startsWith('      '));
      return lines.slice(at + 1, end);
    };
    expect(await below('air-conditioner.openmodbus.json', 'set_target_temperature')).to.deep.equal([
      '      target_temperature  number, 16 to 30; Target temperature; unit: ℃; step: 0.5',
      '      at                  unit 1, holdingRegisters 1',
    ]);
    expect(await below('lights.openapi.json', 'switch_light')).to.deep.equal([
      '      room   living-room | kitchen | bedroom; The room of the light',
      '      power  on | off; on turns it on, off turns it off',
    ]);
    expect(await below('robot.openrpc.json', 'robot_pick')).to.deep.equal([
      '      quantity  integer, 1 to 10; How many items to pick',
    ]);
  });

  it('warns its author of a misspelt effect and of a missing server', async () => {
    const responses = { 200: { description: 'ok' } };
    const document = {
      openapi: '3.1.0',
      info: { title: 'Lamp', version: '1' },
      paths: { '/power': { get: { 'x-lite-agent-effect': 'raed', responses } } },
    };
    const path = await save('lamp.json', document);
    expect((JSON.parse(await shown(path, { json: true })) as { warnings: string[] }).warnings).to.deep.equal([
      'GET /power: x-lite-agent-effect must be "read" or "write", and "raed" is ignored; did you mean "read"?',
      'The document names no server: calls need a server given with the document.',
    ]);
  });

  it('fits a terminal, in colours', async () => {
    const path = await save('odd.json', odd);
    const text = await shown(path, { brief: true }, 60);
    expect(text).to.include('\u001B[');
    const [, , state = ''] = bare(text).split('\n');
    expect(state).to.match(/^ {2}fan_state {2}read {3}fan\.state {2}x+…$/);
    expect(state.length).to.be.lessThanOrEqual(60);
    expect(bare(await shown(path, { brief: true }, 30)).split('\n')[2]).to.equal(
      '  fan_state  read   fan.state',
    );
  });

  it('gives one JSON value', async () => {
    const path = await save('odd.json', odd);
    const text = await shown(path, { json: true });
    expect(text.endsWith('\n')).to.equal(true);
    expect(JSON.parse(text)).to.deep.equal({
      kind: 'openrpc',
      operations: 3,
      tools: [
        {
          name: 'fan_on',
          description: 'Switches the fan on\nat once',
          parameters: {
            type: 'object',
            properties: { speed: { type: 'integer' } },
            required: ['speed'],
            additionalProperties: false,
          },
          operation: 'fan.on',
          effect: 'write',
        },
        {
          name: 'fan_state',
          description: 'x'.repeat(100),
          parameters: { type: 'object', properties: {}, additionalProperties: false },
          operation: 'fan.state',
          effect: 'read',
        },
      ],
      skipped: [{ operation: 'fan.broken', reason: 'the $ref "#/none" of params/0 leads nowhere' }],
      warnings: ['The document names no server: calls need a server given with the document.'],
    });
  });

  it('reads the files beside a document', async () => {
    await save('types.yaml', 'Speed: {type: integer, maximum: 3}\n');
    const methods = [{ name: 'on', params: [{ name: 'speed', schema: { $ref: 'types.yaml#/Speed' } }] }];
    const { tools } = JSON.parse(
      await shown(await save('main.json', { openrpc: '1.3.2', methods }), { json: true }),
    ) as {
      tools: { parameters: JsonObject }[];
    };
    expect(tools[0]?.parameters['properties']).to.deep.equal({ speed: { type: 'integer', maximum: 3 } });
  });

  it('asks a JSON-RPC endpoint, and reads a document at a URL', async () => {
    const site = await openSite({
      answer({ method, path, body }) {
        if (path === '/doc.json') return jsonAnswer(200, odd);
        if (method !== 'POST') return { status: 405 };
        const { id, method: called } = JSON.parse(body.toString()) as JsonObject;
        return jsonAnswer(200, { id: id ?? null, ...(called === 'rpc.discover' ? { result: odd } : {}) });
      },
    });
    try {
      expect((await shown(`${site.url}/rpc`)).split('\n')[0]).to.equal('Fan: openrpc, 3 operations, 2 tools');
      expect((await shown(`${site.url}/doc.json`)).split('\n')[0]).to.equal(
        'Fan: openrpc, 3 operations, 2 tools',
      );
    } finally {
      await site.close();
    }
  });

  it('says why a document cannot be used', async () => {
    expect(await refusal(await save('a.json', '{"openrpc": oops}'))).to.match(
      /\/a\.json: The document is not valid JSON: line 1, column 13/,
    );
    expect(await refusal(await save('b.json', { hello: 1 }))).to.match(
      /\/b\.json: The document is of no known kind/,
    );
    expect(await refusal('examples/robot.openrpc.json', { kind: 'openapi' })).to.match(
      /protocol says "openapi", but the document is openrpc/,
    );
    expect(await refusal(await save('c.json', { openmodbus: '1.0.0', functions: 7 }))).to.match(
      /\n {2}\/\w+/,
    );
    expect(await refusal('http://127.0.0.1:1/rpc')).to.match(
      /^No document behind http:\/\/127\.0\.0\.1:1\/rpc: .*ECONNREFUSED/,
    );
    expect(await refusal(join(folder, 'none.json'))).to.match(/cannot be read: there is no such file/);
  });

  it('reads standard input, and ends with an exit code', async () => {
    const empty = await runCommand(['tools', '-', '--json'], { input: '{"openrpc":"1.3.2","methods":[]}' });
    expect(JSON.parse(empty.stdout)).to.deep.equal({
      kind: 'openrpc',
      operations: 0,
      tools: [],
      skipped: [],
      warnings: ['The document has no methods, so there are no tools.'],
    });
    expect([empty.code, empty.stderr]).to.deep.equal([0, '']);
    const bad = await runCommand(['tools', '-'], { input: 'hello' });
    expect([bad.code, bad.stdout]).to.deep.equal([1, '']);
    expect(bad.stderr).to.equal('lite-agent: standard input: The document is plain text, not an object.\n');
    const wrong = await runCommand(['tools', '-', '--kind', 'grpc'], { input: '' });
    expect([wrong.code, wrong.stdout]).to.deep.equal([2, '']);
  });
});
