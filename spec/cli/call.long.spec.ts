import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCall, type CallOptions } from '../../lib/cli/call.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { AppError } from '../../lib/errors.ts';
import type { SimulatedDevice } from '../../lib/cli/demo/device.ts';
import { simulateLights } from '../../lib/cli/demo/lights.ts';
import { simulateRobot } from '../../lib/cli/demo/robot.ts';
import { runCommand } from '../support/command.ts';
import { openHttpDevice } from '../support/http-device.ts';
import { captureOutput } from '../support/output.ts';

const robotDocument = 'examples/robot.openrpc.json';

describe('cli/call', () => {
  let robot: SimulatedDevice;
  beforeEach(async () => {
    robot = await simulateRobot();
  });
  afterEach(() => robot.close());

  const run = async (
    place: string,
    tool: string,
    given: string,
    options: CallOptions = {},
    terminal?: number,
  ) => {
    const io = captureOutput(terminal);
    const code = await runCall(
      place,
      tool,
      given,
      { server: robot.server, ...options },
      io,
      new AbortController().signal,
    );
    return { code, text: io.text() };
  };
  const json = async (tool: string, given: string, options: CallOptions = {}) => {
    const { code, text } = await run(robotDocument, tool, given, { json: true, ...options });
    return { code, value: JSON.parse(text) as { name: string; arguments: unknown; result: JsonObject } };
  };

  it('makes one call and gives one JSON value', async () => {
    expect(await json('robot_moveToShelf', '{"shelf":3}')).to.deep.equal({
      code: 0,
      value: {
        name: 'robot_moveToShelf',
        arguments: { shelf: 3 },
        result: {
          statusCode: 200,
          body: '{"jsonrpc":"2.0","id":1,"result":{"shelf":3,"carries":0,"battery":95}}',
        },
      },
    });
    expect(robot.state()).to.equal('at shelf 3, carries 0, battery 95 %');
  });

  it('shows a result to people', async () => {
    expect(await run(robotDocument, 'robot_battery', '{}')).to.deep.equal({
      code: 0,
      text: 'statusCode: 200\n{\n  "jsonrpc": "2.0",\n  "id": 1,\n  "result": 96\n}\n',
    });
    const { code, text } = await run(robotDocument, 'robot_pick', '{"quantity":10}', {}, 80);
    expect([code, text.includes('\u001B[')]).to.deep.equal([0, true]);
    const again = await run(robotDocument, 'robot_pick', '{"quantity":1}');
    expect(again.code).to.equal(1);
    expect(again.text.split('\n').at(-2)).to.equal(
      'error 1002: the robot cannot carry more than 10 items (it may have happened: look at the device)',
    );
  });

  it('shows a body that is no JSON as it came, and the details of an error', async () => {
    const device = await openHttpDevice();
    try {
      device.answer = (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('busy');
      const text = (await run(robotDocument, 'robot_status', '{}', { server: device.url })).text;
      expect(text).to.equal(
        'statusCode: 200\ncontentType: text/plain\nbusy\nerror invalid_response: The answer is no answer to this JSON-RPC call: it is no JSON (nothing happened)\n',
      );
      device.answer = (response, { body }) => {
        const { id } = JSON.parse(body.toString()) as JsonObject;
        response.end(JSON.stringify({ id: id ?? null, error: { code: 7, message: 'm', data: { left: 1 } } }));
      };
      expect(
        (await run(robotDocument, 'robot_status', '{}', { server: device.url })).text.split('\n').slice(-3),
      ).to.deep.equal(['error 7: m (nothing happened)', '  data: {"left":1}', '']);
    } finally {
      await device.close();
    }
  });

  it('shows each digit of the numbers in a body', async () => {
    const device = await openHttpDevice();
    try {
      device.answer = (response) => response.end('{"id":1,"result":{"serial":2512292042121000001}}');
      const { text } = await run(robotDocument, 'robot_status', '{}', { server: device.url });
      expect(text).to.include('"serial": 2512292042121000001\n');
    } finally {
      await device.close();
    }
  });

  describe('fails with a result when', () => {
    const table: [string, string, string, string, RegExp][] = [
      [
        'arguments do not fit',
        'robot_moveToShelf',
        '{"shelf":99}',
        'invalid_arguments',
        /\/shelf must be <= 24/,
      ],
      ['an argument is missing', 'robot_moveToShelf', '{}', 'invalid_arguments', /shelf/],
      [
        'a number cannot be sent exactly',
        'robot_moveToShelf',
        '{"shelf":1e400}',
        'invalid_arguments',
        /cannot be sent exactly: 1e400\./,
      ],
      ['arguments are no JSON', 'robot_moveToShelf', '{shelf', 'invalid_arguments', /not valid JSON/],
      ['arguments are no object', 'robot_moveToShelf', '[3]', 'invalid_arguments', /must be a JSON object/],
      ['there is no such tool', 'robot_fly', '{}', 'unknown_tool', /robot_status, robot_battery/],
    ];
    for (const [title, tool, given, errorCode, message] of table) {
      it(title, async () => {
        const { code, value } = await json(tool, given);
        const error = value.result['error'] as JsonObject;
        expect([code, value.name, error['code'], error['effect']]).to.deep.equal([
          1,
          tool,
          errorCode,
          'none',
        ]);
        expect(error['message']).to.match(message);
        expect(robot.state()).to.equal('at shelf 1, carries 0, battery 96 %');
      });
    }

    it('the device cannot be reached', async () => {
      const { code, value } = await json('robot_moveToShelf', '{"shelf":2}', {
        server: 'http://127.0.0.1:1/',
      });
      expect([code, (value.result['error'] as JsonObject)['code']]).to.deep.equal([1, 'ECONNREFUSED']);
    });

    it('nobody is at the address of the device: stderr says what to look at', async () => {
      const nobody = (...words: string[]) => runCommand(['call', ...words, '--server', '127.0.0.1:1']);
      const overHttp = await nobody(robotDocument, 'robot_battery', '{}');
      const overModbus = await nobody('examples/air-conditioner.openmodbus.json', 'get_mode', '--json');
      const hint =
        'Is the device switched on, and is its address right (--server)? "lite-agent simulate FILE" starts a stand-in.\n';
      expect([overHttp.stderr, overModbus.stderr]).to.deep.equal([hint, hint]);
      expect(overHttp.stdout).to.match(/^error ECONNREFUSED: /);
      expect(overModbus.stdout).to.include('"CONNECTION_FAILED"');
      // Another failure is none of the address.
      expect((await nobody(robotDocument, 'robot_fly')).stderr).to.equal('');
    });

    it('it was stopped before it was sent', async () => {
      const io = captureOutput();
      const code = await runCall(
        robotDocument,
        'robot_battery',
        '{}',
        { server: robot.server, json: true },
        io,
        AbortSignal.abort(),
      );
      const { result } = JSON.parse(io.text()) as { result: JsonObject };
      expect([code, (result['error'] as JsonObject)['code']]).to.deep.equal([1, 'cancelled']);
    });
  });

  it('signs in with credentials, and never shows them', async () => {
    const device = await openHttpDevice();
    device.answer = (response, { headers }) =>
      response.end(`{"id":1,"result":${JSON.stringify(headers.authorization ?? null)}}`);
    try {
      const seen: unknown[] = [];
      for (const credentials of [
        '{"any":"k-1"}',
        '{"any":{"username":"u","password":"p"}}',
        '{"type":"bearer","apiKey":"k-2"}',
      ]) {
        await run(robotDocument, 'robot_status', '{}', { server: device.url, credentials });
        seen.push(device.seen.at(-1)?.headers.authorization);
      }
      expect(seen).to.deep.equal(['Bearer k-1', 'Basic dTpw', 'Bearer k-2']);
    } finally {
      await device.close();
    }
  });

  it('refuses credentials that are none, without repeating them', async () => {
    for (const credentials of [
      '{"a":"secret-1"',
      '["secret-1"]',
      '{"a":7,"b":"secret-1"}',
      '{"a":{"username":"secret-1"}}',
    ]) {
      const error: unknown = await run(robotDocument, 'robot_status', '{}', { credentials }).catch(
        (error: unknown) => error,
      );
      expect(error).to.be.instanceOf(AppError).with.property('code', 'invalid_request');
      expect((error as AppError).message)
        .to.match(/^--credentials/)
        .and.not.match(/secret-1/);
    }
  });

  it('calls devices of the other kinds alike', async () => {
    const lights = await simulateLights();
    try {
      const { code, text } = await run(
        'examples/lights.openapi.json',
        'switch_light',
        '{"room":"kitchen","power":"on"}',
        {
          server: lights.server,
          json: true,
        },
      );
      const { result } = JSON.parse(text) as { result: JsonObject };
      expect([code, result['statusCode']]).to.deep.equal([0, 200]);
    } finally {
      await lights.close();
    }
  });

  it('names each skipped operation of a document without a tool, as `watch` does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'call-'));
    try {
      const file = join(folder, 'odd.json');
      const get = { 'x-lite-agent-rsik': 'high', responses: { 200: { description: 'ok' } } };
      const paths = { '/a': { get }, '/b': { get } };
      const odd = { openapi: '3.0.3', info: { title: 'Odd', version: '1' }, paths };
      const said = async (document: object): Promise<string[]> => {
        await writeFile(file, JSON.stringify(document));
        const runs = await Promise.all([
          runCommand(['call', file, 'a']),
          runCommand(['watch', file, 'a', '--count', '1']),
        ]);
        expect(runs.map(({ code, stdout }) => [code, stdout])).to.deep.equal([
          [1, ''],
          [1, ''],
        ]);
        return runs.map(({ stderr }) => stderr);
      };
      const head = `lite-agent: ${file}: It has no operation that can be called.`;
      const reason = 'x-lite-agent-rsik is not known; did you mean "x-lite-agent-risk"?';
      const skipped = `${head}\n  /: GET /a: ${reason}\n  /: GET /b: ${reason}\n`;
      expect(await said(odd)).to.deep.equal([skipped, skipped]);
      expect(await said({ ...odd, paths: {} })).to.deep.equal([`${head}\n`, `${head}\n`]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('ends with an exit code', async () => {
    const good = await runCommand([
      'call',
      robotDocument,
      'robot_battery',
      '--server',
      robot.server,
      '--json',
    ]);
    expect([good.code, good.stderr]).to.deep.equal([0, '']);
    expect((JSON.parse(good.stdout) as { arguments: unknown }).arguments).to.deep.equal({});
    const bad = await runCommand([
      'call',
      robotDocument,
      'robot_pick',
      '{"quantity":-1}',
      '--server',
      robot.server,
    ]);
    expect([bad.code, bad.stderr]).to.deep.equal([1, '']);
    expect(bad.stdout).to.match(
      /^error invalid_arguments: .*\/quantity must be >= 1.* \(nothing happened\)\n$/,
    );
    const wrong = await runCommand(['call', robotDocument]);
    expect([wrong.code, wrong.stdout]).to.deep.equal([2, '']);
    expect(wrong.stderr).to.match(/missing required argument 'tool'/);
  });
});
