import { expect } from 'chai';
import type { Egress } from '../../../lib/drivers/egress.ts';
import type { Endpoint } from '../../../lib/drivers/modbus/endpoint.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import type { ModbusRequest } from '../../../lib/drivers/modbus/request.ts';
import { callOf, outcomeOf, readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import { needPeer } from '../../support/peers.ts';
import { startModbusProxy, type ModbusProxy, type ProxyWays } from '../../support/modbus-proxy.ts';
import { compileLibmodbus, start, startPymodbus, type PeerServer } from '../../support/modbus-server.ts';

/** What one session reads and writes through every way: each read shows the value that was written before. */
const steps: ModbusRequest[] = [
  { fc: 4, unit: 1, address: 100, count: 3 },
  writeOf(5, 77),
  readOf(5),
  { fc: 16, unit: 1, address: 5, count: 2, registers: [78, 79] },
  readOf(5, 2),
  { fc: 5, unit: 1, address: 3, count: 1, bits: [true] },
  { fc: 15, unit: 1, address: 3, count: 2, bits: [true, false] },
  readOf(5000),
  readOf(6),
];
const values = [[100, 101, 102], [], [77], [], [78, 79], [], [], 2, [79]];

for (const peer of ['pymodbus', 'libmodbus and cc'] as const) {
  const name = peer.split(' ')[0];

  describe(`the Modbus driver and ${name} behind a faulty line`, () => {
    let egress: Egress;
    let driver: ModbusDriver;
    let compiled: Awaited<ReturnType<typeof compileLibmodbus>> | undefined;

    before(async function () {
      needPeer(this, peer);
      this.timeout(30_000);
      if (peer !== 'pymodbus') compiled = await compileLibmodbus('modbus-libmodbus-server.c');
      egress = openLocalEgress();
    });
    beforeEach(() => {
      driver = openModbus({ egress });
    });
    afterEach(() => driver?.close());
    after(async () => {
      await egress?.close();
      await compiled?.remove();
    });

    /** Runs the steps through a proxy, and returns what each of them gave. */
    const run = async (
      type: 'tcp' | 'rtu-tcp',
      ways: ProxyWays,
      more: Partial<Endpoint & { type: 'tcp' }>,
    ): Promise<unknown[]> => {
      let server: PeerServer | undefined;
      let proxy: ModbusProxy | undefined;
      try {
        server = compiled ? await start(compiled.program, ['tcp']) : await startPymodbus(type);
        proxy = await startModbusProxy(server.port, ways);
        const endpoint = tcpEndpoint(proxy.port, more);
        const seen: unknown[] = [];
        for (const request of steps) {
          const outcome = await outcomeOf(
            driver.call(endpoint, callOf(request, { timeoutMs: 2000, retries: 3 })),
          );
          seen.push('status' in outcome ? outcome.status : outcome);
        }
        return seen;
      } finally {
        await proxy?.close();
        await server?.close();
      }
    };

    it('that closes the connection after each answer', async function () {
      this.timeout(20_000);
      expect(await run('tcp', { toClient: (bytes, { client }) => void client.end(bytes) }, {})).to.deep.equal(
        values,
      );
    });

    it('that gives exceptions a wrong length', async function () {
      this.timeout(20_000);
      const toClient: ProxyWays['toClient'] = (bytes, { client }) => {
        if (((bytes[7] ?? 0) & 0x80) !== 0) bytes.writeUInt16BE(4, 4);
        client.write(bytes);
      };
      expect(await run('tcp', { toClient }, {})).to.deep.equal(values);
    });

    if (peer === 'pymodbus') {
      it('that echoes and has noise (RTU over TCP)', async function () {
        this.timeout(20_000);
        const ways: ProxyWays = {
          toDevice(bytes, { client, device }) {
            client.write(Buffer.concat([Buffer.of(0), bytes]));
            device.write(bytes);
          },
          toClient: (bytes, { client }) =>
            void client.write(Buffer.concat([Buffer.of(0xff, 0), bytes, Buffer.of(0)])),
        };
        expect(await run('rtu-tcp', ways, { framing: 'rtu' })).to.deep.equal(values);
      });
    }
  });
}
