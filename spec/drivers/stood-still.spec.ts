import { expect } from 'chai';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import { createHttpDriver, type HttpDriver } from '../../lib/drivers/http.ts';
import { openMcp, type McpDriver } from '../../lib/drivers/mcp/mcp.ts';
import { openModbus } from '../../lib/drivers/modbus/modbus.ts';
import { ModbusError } from '../../lib/drivers/modbus/request.ts';
import { ModbusStatus } from '../../lib/drivers/modbus/status.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';
import { mcpProgram } from '../support/mcp-program.ts';
import { callOf, readOf, tcpEndpoint, writeOf } from '../support/modbus-call.ts';
import { startModbusFake } from '../support/modbus-fake.ts';

const words =
  'The server stood still after the call was permitted, and may have missed a stop meanwhile. The call was not sent';

describe('a call of a node that stood still after its permit', () => {
  let egress: Egress;
  let http: HttpDriver;
  let mcp: McpDriver;
  let device: HttpDevice;
  let mayLeave: boolean;
  beforeEach(async () => {
    mayLeave = false;
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    http = createHttpDriver({ egress, resultMaxBytes: 10_000 });
    mcp = openMcp({ http, egress, resultMaxBytes: 10_000, client: { name: 'spec', version: '1' } });
    device = await openHttpDevice();
  });
  afterEach(async () => {
    await mcp.close();
    await egress.close();
    await device.close();
  });
  const context = () => ({
    signal: new AbortController().signal,
    timeoutMs: 10_000,
    mayLeave: () => mayLeave,
  });
  const notSent = { error: { code: 'not_sent', message: words, effect: 'none' } };

  it('is not sent over HTTP when it writes, and the connection goes on', async () => {
    const put = { method: 'PUT', origin: device.url, path: '/', headers: {}, effect: 'write' } as const;
    expect(await http.send(put, context())).to.deep.equal(notSent);
    expect(device.seen).to.deep.equal([]);
    expect(await http.send({ ...put, method: 'GET', effect: 'read' }, context())).to.deep.equal({
      statusCode: 200,
      body: '{}',
    });
    mayLeave = true;
    expect(await http.send(put, context())).to.deep.equal({ statusCode: 200, body: '{}' });
    expect(device.seen.map(({ method }) => method)).to.deep.equal(['GET', 'PUT']);
  });

  it('is not sent over Modbus', async () => {
    const fake = await startModbusFake();
    const driver = openModbus({ egress });
    try {
      const endpoint = tcpEndpoint(fake.port);
      await driver.call(endpoint, callOf(readOf(1)));
      const error = await driver
        .call(endpoint, callOf(writeOf(1, 7), context()))
        .catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(ModbusError);
      const { status, sent, message } = error as ModbusError;
      expect([status, sent, message.includes(words)]).to.deep.equal([ModbusStatus.CANCELLED, false, true]);
      mayLeave = true;
      await driver.call(endpoint, callOf(writeOf(1, 7), context()));
    } finally {
      await driver.close();
      await fake.close();
    }
  });

  it('is not sent to a program that is an MCP server', async () => {
    const place = { command: mcpProgram('one'), env: {} };
    const call = { tool: 'change', arguments: {}, effect: 'write' } as const;
    expect(await mcp.call(place, call, context())).to.deep.equal(notSent);
    mayLeave = true;
    expect(await mcp.call(place, call, context())).not.to.have.property('error');
  });
});
