import { createSocket } from 'node:dgram';
import { expect } from 'chai';
import type { ModbusReply, ModbusRequest } from '../../../lib/drivers/modbus/request.ts';
import { callOf, outcomeOf, readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { adu, answer, goodReply, type FakeRequest } from '../../support/modbus-fake.ts';
import { useModbusBench } from '../../support/modbus-bench.ts';

/** Long enough that a spec which waits for it fails by its own time-out. */
const NEVER_MS = 120_000;

/** An exception whose header says another length than it has, and the bytes that follow it. */
function exceptionOf(
  { id, unit, fc }: Pick<FakeRequest, 'id' | 'unit' | 'fc'>,
  length: number,
  padding = 0,
): Buffer {
  const frame = adu(id, unit, Buffer.of(fc | 0x80, 2));
  frame.writeUInt16BE(length, 4);
  return Buffer.concat([frame, Buffer.alloc(padding)]);
}

describe('the Modbus driver and a wrong length in the header', () => {
  const bench = useModbusBench();

  const call = (request: ModbusRequest, maxInFlight = 1): Promise<ModbusReply> => {
    const bus = { requestDelay: 0, idleTimeout: 60_000, maxInFlight };
    const times = { timeoutMs: NEVER_MS, deadlineMs: NEVER_MS, retries: 0 };
    return bench.driver.call(tcpEndpoint(bench.fake.port, { bus }), callOf(request, times));
  };
  const place = { unit: 1, address: 3 };
  const everyFunction: ModbusRequest[] = [
    { fc: 1, ...place, count: 9 },
    { fc: 2, ...place, count: 1 },
    { fc: 3, ...place, count: 2 },
    { fc: 4, ...place, count: 125 },
    { fc: 5, ...place, count: 1, bits: [true] },
    { fc: 6, ...place, count: 1, registers: [9] },
    { fc: 15, ...place, count: 3, bits: [true, false, true] },
    { fc: 16, ...place, count: 2, registers: [1, 65535] },
  ];

  for (const [length, padding] of [
    [4, 0],
    [4, 1],
    [2, 0],
    [0, 0],
    [6, 0],
    [6, 3],
    [254, 0],
    [65535, 0],
  ] as const) {
    it(`takes an exception of length ${length}, with ${padding} bytes behind it, at once and goes on`, async () => {
      for (const request of everyFunction) {
        bench.fake.behave = (seen) => seen.socket.write(exceptionOf(seen, length, padding));
        expect(await outcomeOf(call(request))).to.include({ status: 2, sent: true });
        bench.fake.behave = answer;
        expect(await outcomeOf(call(readOf(8)))).to.deep.equal([8]);
      }
      expect([bench.fake.accepted, bench.fake.writes.length]).to.deep.equal([1, 4]);
    });
  }

  it('takes such an exception byte by byte, and the bytes behind it in a packet of their own', async () => {
    bench.fake.behave = (request) => {
      for (const byte of exceptionOf(request, 4)) request.socket.write(Buffer.of(byte));
    };
    expect(await outcomeOf(call(writeOf(1, 5)))).to.include({ status: 2 });
    bench.fake.behave = (request) => {
      request.socket.write(Buffer.of(0));
      setImmediate(() => answer(request));
    };
    expect(await outcomeOf(call(readOf(8)))).to.deep.equal([8]);
    expect(bench.fake.accepted).to.equal(1);
  });

  it('keeps the answers to other requests on their way apart from it', async () => {
    const held: FakeRequest[] = [];
    bench.fake.behave = (request) => {
      held.push(request);
      if (held.length < 4) return;
      const [first, ...others] = held;
      request.socket.write(Buffer.concat([exceptionOf(first!, 5, 2), ...others.map(goodReply)]));
    };
    const outcomes = await Promise.all([1, 2, 3, 4].map((address) => outcomeOf(call(readOf(address), 8))));
    expect(outcomes[0]).to.include({ status: 2 });
    expect(outcomes.slice(1)).to.deep.equal([[2], [3], [4]]);
  });

  it('gives up a good answer at once that promises more bytes than it can have', async () => {
    for (const request of [readOf(1), writeOf(1, 5)]) {
      bench.fake.behave = (seen) => {
        const frame = goodReply(seen);
        frame.writeUInt16BE(frame.readUInt16BE(4) + 1, 4);
        seen.socket.write(frame);
      };
      expect(await outcomeOf(call(request))).to.include({ status: 243, sent: true });
    }
    expect(bench.fake.writes.length).to.equal(1);
  });

  it('takes such an exception on UDP too', async () => {
    const device = createSocket('udp4');
    device.on('message', (request, from) => {
      const seen = { id: request.readUInt16BE(0), unit: request[6] ?? 0, fc: request[7] ?? 0 };
      device.send(exceptionOf(seen, 4), from.port, from.address);
    });
    await new Promise<void>((resolve) => device.bind(0, '127.0.0.1', resolve));
    const bus = { requestDelay: 0, idleTimeout: 60_000, maxInFlight: 1 };
    const { port } = device.address();
    const reply = bench.driver.call(
      { type: 'udp', host: '127.0.0.1', port, framing: 'mbap', bus },
      callOf(writeOf(1, 5), { timeoutMs: NEVER_MS, deadlineMs: NEVER_MS }),
    );
    expect(await outcomeOf(reply)).to.include({ status: 2, sent: true });
    await new Promise<void>((resolve) => device.close(() => resolve()));
  });
});
