import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { expect } from 'chai';
import type { Egress } from '../../../lib/drivers/egress.ts';
import type { Endpoint } from '../../../lib/drivers/modbus/endpoint.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import type { ModbusReply, ModbusRequest } from '../../../lib/drivers/modbus/request.ts';
import { callOf, outcomeOf, readOf, writeOf } from '../../support/modbus-call.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import { adu, goodPdu } from '../../support/modbus-fake.ts';

describe('the Modbus driver on UDP', () => {
  let egress: Egress;
  let driver: ModbusDriver;
  let device: Socket;
  let endpoint: Endpoint;
  let seen: Buffer[];
  let peers: Set<number>;
  let behave: (request: Buffer, send: (answer: Buffer) => void) => void;

  const good = (request: Buffer): Buffer => {
    const pdu = request.subarray(7);
    const place = { fc: pdu[0] ?? 0, address: pdu.readUInt16BE(1), count: pdu.readUInt16BE(3), pdu };
    return adu(request.readUInt16BE(0), request[6] ?? 0, goodPdu(place));
  };

  beforeEach(async () => {
    egress = openLocalEgress();
    driver = openModbus({ egress });
    seen = [];
    peers = new Set();
    behave = (request, send) => send(good(request));
    device = createSocket('udp4');
    device.on('message', (request, from: RemoteInfo) => {
      seen.push(request);
      peers.add(from.port);
      behave(request, (answer) => device.send(answer, from.port, from.address));
    });
    await new Promise<void>((resolve) => device.bind(0, '127.0.0.1', resolve));
    const { port } = device.address();
    const bus = { requestDelay: 0, idleTimeout: 60_000, maxInFlight: 1 };
    endpoint = { type: 'udp', host: '127.0.0.1', port, framing: 'mbap', bus };
  });
  afterEach(async () => {
    await driver.close();
    await new Promise<void>((resolve) => device.close(() => resolve()));
    await egress.close();
  });

  const call = (request: ModbusRequest): Promise<ModbusReply> =>
    driver.call(endpoint, callOf(request, { timeoutMs: 60 }));

  it('reads and writes from one socket', async () => {
    const replies = await Promise.all([call(readOf(7, 2)), call(writeOf(1, 5)), call(readOf(9))]);
    expect(replies.map(({ registers }) => registers)).to.deep.equal([[7, 8], [], [9]]);
    expect(peers.size).to.equal(1);
  });

  it('repeats a read whose datagram was lost, never a write', async () => {
    behave = (request, send) => {
      if (seen.length > 1) send(good(request));
    };
    expect(await outcomeOf(call(readOf(3)))).to.deep.equal([3]);
    seen.length = 0;
    behave = () => undefined;
    expect(await outcomeOf(call(writeOf(3, 1)))).to.include({ status: 240, sent: true });
    expect(seen.length).to.equal(1);
  });

  it('does not take a datagram that is late, repeated, cut or foreign for an answer', async () => {
    let before: Buffer | undefined;
    behave = (request, send) => {
      if (before !== undefined) send(before);
      send(good(request).subarray(0, 8));
      const answer = good(request);
      send(answer);
      send(answer);
      before = answer;
    };
    for (let address = 0; address < 50; address++) {
      expect(await outcomeOf(call(readOf(address)))).to.deep.equal([address]);
    }
    behave = (request, send) => {
      send(Buffer.from('is anybody there?'));
      setImmediate(() => send(good(request)));
    };
    expect(await outcomeOf(call(writeOf(1, 5)))).to.include({ status: 243, sent: true });
  });

  it('fails at once when nobody listens, where the system reports it', async () => {
    const { port } = device.address();
    const nobody = { ...endpoint, port: port === 65535 ? 1 : port + 1 } as Endpoint;
    const outcome = await outcomeOf(driver.call(nobody, callOf(writeOf(1, 1), { timeoutMs: 500 })));
    expect(outcome).to.have.property('status').that.is.oneOf([240, 243]);
    expect(outcome).to.have.property('sent', true);
  });
});
