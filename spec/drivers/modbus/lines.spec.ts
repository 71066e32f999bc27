import { realpathSync } from 'node:fs';
import { expect } from 'chai';
import type { Egress } from '../../../lib/drivers/egress.ts';
import type { Endpoint } from '../../../lib/drivers/modbus/endpoint.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import type { ModbusReply, ModbusRequest } from '../../../lib/drivers/modbus/request.ts';
import { callOf, outcomeOf, readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import { startLineFake, type LineFake, type LineRequest } from '../../support/modbus-line-fake.ts';
import { needPeer } from '../../support/peers.ts';
import { openPty, type Pty } from '../../support/modbus-pty.ts';
import { waitFor } from '../../support/wait-for.ts';

const serial = { baudRate: 115200, parity: 'none', dataBits: 8, stopBits: 1 } as const;
const bus = { requestDelay: 5, idleTimeout: 60_000, maxInFlight: 1 };

for (const [line, framing] of [
  ['RTU over TCP', 'rtu'],
  ['RTU on a serial line', 'rtu'],
  ['ASCII on a serial line', 'ascii'],
] as const) {
  describe(`the Modbus driver on ${line}`, () => {
    let egress: Egress;
    let driver: ModbusDriver;
    let fake: LineFake;
    let pty: Pty | undefined;
    let endpoint: Endpoint;
    const onSerial = line !== 'RTU over TCP';

    before(function () {
      if (onSerial) needPeer(this, 'socat');
    });
    beforeEach(async () => {
      egress = openLocalEgress();
      driver = openModbus({ egress });
      fake = await startLineFake(framing);
      pty = onSerial ? await openPty(fake.port) : undefined;
      endpoint =
        pty === undefined
          ? tcpEndpoint(fake.port, { framing: 'rtu' })
          : { type: 'serial', path: pty.path, framing, serial, bus };
    });
    afterEach(async () => {
      await driver.close();
      await pty?.close();
      await fake.close();
      await egress.close();
    });

    const call = (request: ModbusRequest, more = {}): Promise<ModbusReply> =>
      driver.call(endpoint, callOf(request, { timeoutMs: 150, ...more }));

    it('reads and writes every storage', async () => {
      const place = { unit: 1, address: 7 };
      const replies = await Promise.all([
        call({ fc: 1, ...place, count: 3 }),
        call({ fc: 2, ...place, count: 9 }),
        call({ fc: 3, ...place, count: 125 }),
        call({ fc: 4, ...place, count: 1 }),
        call({ fc: 5, ...place, count: 1, bits: [true] }),
        call({ fc: 6, ...place, count: 1, registers: [9] }),
        call({ fc: 15, ...place, count: 3, bits: [true, false, true] }),
        call({ fc: 16, ...place, count: 2, registers: [1, 65535] }),
      ]);
      expect(replies[0]?.bits.slice(0, 3)).to.deep.equal([true, false, true]);
      expect(replies[2]?.registers).to.deep.equal(Array.from({ length: 125 }, (_, index) => 7 + index));
      expect(replies.map(({ confirmed }) => confirmed)).to.deep.equal(Array(8).fill('echo'));
      expect(fake.writes.map(({ pdu }) => pdu.toString('hex'))).to.deep.equal([
        '050007ff00',
        '0600070009',
        '0f000700030105',
        '1000070002040001ffff',
      ]);
    });

    it('distinguishes an exception, another unit, another function and a wrong checksum', async () => {
      const status = async (behave: (request: LineRequest) => void): Promise<unknown> => {
        fake.behave = behave;
        const outcome = await outcomeOf(call(writeOf(1, 5)));
        return 'status' in outcome && outcome.status;
      };
      const spoilt = ({ unit, pdu, send }: LineRequest): void => {
        const frame = fake.frame(unit, pdu.subarray(0, 5));
        frame[4] = (frame[4] ?? 0) ^ 1;
        send(frame);
      };
      expect([
        await status(({ unit, fc, send }) => send(fake.frame(unit, Buffer.of(fc | 0x80, 3)))),
        await status(({ pdu, send }) => send(fake.frame(9, pdu.subarray(0, 5)))),
        await status(({ unit, pdu, send }) =>
          send(fake.frame(unit, Buffer.concat([Buffer.of(5), pdu.subarray(1, 5)]))),
        ),
        await status(spoilt),
        await status(() => undefined),
        await status(fake.answer),
      ]).to.deep.equal([3, 244, 245, 246, 240, false]);
      expect(fake.writes.length).to.equal(6);
    });

    it('does not take a late answer, a repeated one or noise for that of another call', async () => {
      const late: LineRequest[] = [];
      fake.behave = (request) => late.push(request);
      const first = outcomeOf(call(readOf(1), { retries: 0, timeoutMs: 60 }));
      await waitFor(() => late.length === 1);
      fake.behave = fake.answer;
      const second = outcomeOf(call(readOf(2)));
      // Answered only once the first call has been given up.
      await first;
      late.forEach(fake.answer);
      expect([await first, await second]).to.deep.equal([
        { status: 240, sent: true, message: ((await first) as { message: string }).message },
        [2],
      ]);
      fake.behave = (request) => {
        fake.answer(request);
        fake.answer(request);
        request.send(Buffer.from('noise'));
      };
      for (let address = 3; address < 8; address++) {
        expect(await outcomeOf(call(readOf(address), { retries: 3 }))).to.deep.equal([address]);
      }
    });

    it('understands answers that come byte by byte', async () => {
      fake.behave = ({ unit, fc, send }) => {
        for (const byte of fake.frame(unit, Buffer.of(fc, 2, 1, 2)))
          setImmediate(() => send(Buffer.of(byte)));
      };
      expect(await outcomeOf(call(readOf(1)))).to.deep.equal([258]);
    });

    it('sends a write to unit 0 to all, waits for no answer, and says that a read there has none', async () => {
      fake.behave = ({ unit, ...request }) => unit !== 0 && fake.answer({ unit, ...request });
      const started = performance.now();
      // Two minutes are given for an answer. It is not waited for, but the units get their time.
      const done = await call(writeOf(1, 5, 0), { timeoutMs: 120_000, deadlineMs: 120_000 });
      expect(done).to.deep.equal({ registers: [], bits: [], confirmed: 'none' });
      expect(performance.now() - started).to.be.above(95);
      const read = await outcomeOf(call(readOf(1, 1, 0), { retries: 0 }));
      expect(read).to.have.property('message').that.contains('unit 0 is broadcast');
      expect(await outcomeOf(call(readOf(5)))).to.deep.equal([5]);
      expect(fake.writes.length).to.equal(1);
    });

    if (onSerial) {
      it('fails as soon as the device is unplugged, and goes on when it is back', async () => {
        await call(readOf(1));
        fake.behave = () => undefined;
        const pending = outcomeOf(call(writeOf(2, 5), { timeoutMs: 120_000, deadlineMs: 120_000 }));
        await waitFor(() => fake.writes.length === 1);
        await pty?.unplug();
        // The time-out of two minutes is not waited for.
        expect(await pending).to.include({ status: 243, sent: true });
        expect(await outcomeOf(call(readOf(3)))).to.include({ status: 241, sent: false });
        await pty?.close();
        pty = await openPty(fake.port);
        fake.behave = fake.answer;
        endpoint = { type: 'serial', path: pty.path, framing, serial, bus };
        await waitFor(async () => !('status' in (await outcomeOf(call(readOf(4))))));
        expect(await outcomeOf(call(readOf(5)))).to.deep.equal([5]);
        expect(fake.writes.length).to.equal(1);
      });

      it('knows a device behind every link to it, and opens only allowed devices', async () => {
        const direct: Endpoint = { type: 'serial', path: realpathSync(pty!.path), framing, serial, bus };
        const replies = [call(readOf(1)), driver.call(direct, callOf(readOf(2)))];
        expect((await Promise.all(replies)).map(({ registers }) => registers)).to.deep.equal([[1], [2]]);
        const closed = openModbus({
          egress: {
            ...egress,
            checkSerial: () => {
              throw new Error('not allowed: SERIAL_ALLOW');
            },
          },
        });
        const refused = await outcomeOf(closed.call(endpoint, callOf(readOf(1))));
        expect(refused).to.include({ status: 241, sent: false });
        expect(refused).to.have.property('message').that.contains('SERIAL_ALLOW');
        await closed.close();
      });

      it('says so when the package serialport is not installed', async () => {
        const missing = openModbus({ egress, loadSerialPort: () => Promise.reject(new Error('not found')) });
        expect(await outcomeOf(missing.call(endpoint, callOf(readOf(1))))).to.include({
          status: 229,
          sent: false,
        });
        await missing.close();
      });
    }
  });
}
