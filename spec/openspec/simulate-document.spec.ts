import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { SpecError } from '../../lib/errors.ts';
import { defaultKinds } from '../../lib/defaults.ts';
import { simulateDocument } from '../../lib/openspec/simulate-document.ts';
import type { Simulation, SimulateOptions } from '../../lib/simulate/simulation.ts';
import { freePort } from '../support/free-port.ts';
import { needPeer } from '../support/peers.ts';
import { rejection } from '../support/refusal.ts';

const meter = (server: JsonObject): JsonObject => ({
  openmodbus: '1.0.0',
  info: { title: 'Meter' },
  server,
  functions: [
    {
      name: 'power',
      method: 'read',
      path: { slaveId: 1, storage: 'inputRegisters', address: 0, count: 1 },
      return: { name: 'power', type: 'uint16' },
    },
  ],
});

describe('a document as a device', () => {
  const running: Simulation[] = [];
  const start = async (document: JsonObject, options: SimulateOptions = {}): Promise<Simulation> => {
    const simulation = await simulateDocument(defaultKinds, document, options);
    running.push(simulation);
    return simulation;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map(({ device }) => device.close()));
  });

  it('listens at the address of its document when that is on this machine and free, else at any port', async () => {
    const port = await freePort();
    const openrpc = {
      openrpc: '1.3.2',
      info: { title: 'R' },
      servers: [{ url: `http://localhost:${port}/rpc` }],
      methods: [],
    };
    const first = await start(openrpc);
    const second = await start(openrpc);
    expect(first).to.include({ kind: 'openrpc', title: 'R', described: `http://localhost:${port}/rpc` });
    expect(new URL(first.device.server).port).to.equal(String(port));
    expect(new URL(second.device.server).port).not.to.equal(String(port));
    const elsewhere = await start({
      openapi: '3.0.0',
      info: {},
      paths: {},
      servers: [{ url: 'https://device.example/v1' }],
    });
    expect([elsewhere.kind, elsewhere.title, elsewhere.described]).to.deep.equal([
      'openapi',
      'OpenAPI',
      'https://device.example/v1',
    ]);
    expect(elsewhere.device.server).to.match(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    const relative = await start({ swagger: '2.0', paths: {} });
    expect(relative.described).to.equal(undefined);
    const modbus = await start(meter({ type: 'tcp', config: { url: 'plc.local', port: 502 } }));
    expect([modbus.kind, modbus.title, modbus.described]).to.deep.equal([
      'openmodbus',
      'Meter',
      'plc.local:502',
    ]);
  });

  it('takes the port that it is given, or none', async () => {
    const port = await freePort();
    const udp = meter({ type: 'udp', config: { url: '127.0.0.1', port: 502 } });
    expect((await start(udp, { port })).device.server).to.equal(`127.0.0.1:${port}`);
    const taken = await rejection(simulateDocument(defaultKinds, udp, { port }));
    expect(taken).to.have.property('code', 'EADDRINUSE');
  });

  it('is at the end of a serial line where socat makes one', async function () {
    needPeer(this, 'socat');
    const { note, described, device } = await start(meter({ type: 'rtu', config: { port: 'COM3' } }));
    expect([note, described]).to.deep.equal([undefined, 'COM3']);
    expect(device.server).to.match(/^\/.*\/tty$/);
  });

  it('is on TCP where there is no socat, and says so', async () => {
    const { PATH } = process.env;
    process.env['PATH'] = '/nowhere';
    try {
      const { note, device } = await start(meter({ type: 'ascii', config: { port: 'COM3' } }));
      expect(note).to.match(/socat is not installed, so it is on Modbus TCP instead of ASCII/);
      expect(device.server).to.match(/^127\.0\.0\.1:\d+$/);
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  it('rejects a text that is no document, with the reason', async () => {
    for (const document of [
      { asyncapi: '3' },
      { openmodbus: '1.0.0' },
      { openapi: '1' },
      { openrpc: '1', methods: 7 },
    ] as JsonObject[]) {
      expect(await rejection(simulateDocument(defaultKinds, document))).to.be.instanceOf(SpecError);
    }
  });
});
