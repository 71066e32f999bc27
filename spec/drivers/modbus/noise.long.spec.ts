import { expect } from 'chai';
import type { Egress } from '../../../lib/drivers/egress.ts';
import type { Endpoint } from '../../../lib/drivers/modbus/endpoint.ts';
import type { BusCall } from '../../../lib/drivers/modbus/job.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import type { ModbusReply, ModbusRequest } from '../../../lib/drivers/modbus/request.ts';
import { callOf, outcomeOf, readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import { goodPdu } from '../../support/modbus-fake.ts';
import { startLineFake, type LineFake, type LineRequest } from '../../support/modbus-line-fake.ts';
import { needPeer } from '../../support/peers.ts';
import { openPty, type Pty } from '../../support/modbus-pty.ts';

const serial = { baudRate: 115200, parity: 'none', dataBits: 8, stopBits: 1 } as const;
/** For the read by which the driver learns that the line echoes: the echo has to come within it, also on a busy machine. */
const LEARNING_TIMEOUT_MS = 1000;
const bus = { requestDelay: 2, idleTimeout: 60_000, maxInFlight: 1 };
const place = { unit: 1, address: 7 };

/** One request of every function. */
const requests: ModbusRequest[] = [
  { fc: 1, ...place, count: 9 },
  { fc: 2, ...place, count: 1 },
  { fc: 3, ...place, count: 1 },
  { fc: 3, ...place, count: 40 },
  { fc: 4, ...place, count: 2 },
  { fc: 5, ...place, count: 1, bits: [true] },
  { fc: 6, ...place, count: 1, registers: [9] },
  { fc: 15, ...place, count: 3, bits: [true, false, true] },
  { fc: 16, ...place, count: 2, registers: [1, 65535] },
];

for (const [line, framing] of [
  ['RTU over TCP', 'rtu'],
  ['RTU on a serial line', 'rtu'],
  ['ASCII on a serial line', 'ascii'],
] as const) {
  describe(`the Modbus driver and noise on ${line}`, () => {
    let egress: Egress;
    let driver: ModbusDriver;
    let fake: LineFake;
    let pty: Pty | undefined;
    let endpoint: Endpoint;
    let refuses: boolean;

    before(function () {
      if (line !== 'RTU over TCP') needPeer(this, 'socat');
    });
    beforeEach(async () => {
      egress = openLocalEgress();
      driver = openModbus({ egress });
      refuses = false;
      fake = await startLineFake(framing);
      pty = line === 'RTU over TCP' ? undefined : await openPty(fake.port);
      endpoint =
        pty === undefined
          ? tcpEndpoint(fake.port, { framing: 'rtu', bus })
          : { type: 'serial', path: pty.path, framing, serial, bus };
    });
    afterEach(async () => {
      await driver.close();
      await pty?.close();
      await fake.close();
      await egress.close();
    });

    const call = (request: ModbusRequest, more: Partial<BusCall> = {}): Promise<ModbusReply> =>
      driver.call(endpoint, callOf(request, { timeoutMs: 2000, retries: 0, ...more }));
    const pduOf = (request: LineRequest): Buffer =>
      refuses ? Buffer.of(request.fc | 0x80, 2) : goodPdu(request);
    const goodFrame = (request: LineRequest): Buffer => fake.frame(request.unit, pduOf(request));
    const echo = ({ send, bytes }: LineRequest): void => send(bytes);
    /** The values of one call of every function; what a reply holds, or how it failed. */
    const everyFunction = async (): Promise<unknown[]> => {
      const seen: unknown[] = [];
      for (const request of requests) {
        const reply = await call(request).catch((error: Error) => error.message);
        seen.push(
          typeof reply === 'string'
            ? reply
            : [reply.registers, reply.bits.slice(0, request.count), reply.confirmed],
        );
      }
      return seen;
    };
    const expected = requests.map(({ fc, address, count }) => [
      fc === 3 || fc === 4 ? Array.from({ length: count }, (_, index) => address + index) : [],
      fc <= 2 ? Array.from({ length: count }, (_, index) => (address + index) % 2 === 1) : [],
      'echo',
    ]);

    const noise: Record<string, (request: LineRequest) => void> = {
      'a stray 00 before': (request) => request.send(Buffer.concat([Buffer.of(0), goodFrame(request)])),
      'a stray 00 behind': (request) => request.send(Buffer.concat([goodFrame(request), Buffer.of(0)])),
      'noise on both sides': (request) =>
        request.send(
          Buffer.concat([Buffer.from('ff00a5ff80', 'hex'), goodFrame(request), Buffer.from('00ff', 'hex')]),
        ),
      'the unit number twice': (request) =>
        request.send(Buffer.concat([Buffer.of(request.unit), goodFrame(request)])),
      'an answer that breaks off, then a whole one': (request) =>
        request.send(Buffer.concat([goodFrame(request).subarray(0, 3), goodFrame(request)])),
      "the request's echo before": (request) => {
        echo(request);
        request.send(goodFrame(request));
      },
      "the request's echo in the same packet, with noise between": (request) =>
        request.send(Buffer.concat([request.bytes, Buffer.of(0, 0xff), goodFrame(request)])),
      'the answer of another unit before': (request) =>
        request.send(Buffer.concat([fake.frame(9, pduOf(request)), goodFrame(request)])),
      'the answer to another function before': (request) =>
        request.send(Buffer.concat([fake.frame(1, Buffer.of(7, 1)), goodFrame(request)])),
    };
    for (const [name, behave] of Object.entries(noise)) {
      it(`finds the answer to every function with ${name}`, async () => {
        fake.behave = behave;
        expect(await everyFunction()).to.deep.equal(expected);
        expect(fake.requests.length).to.equal(requests.length);
      });

      it(`finds an exception with ${name}`, async () => {
        refuses = true;
        fake.behave = behave;
        for (const request of requests)
          expect(await outcomeOf(call(request))).to.include({ status: 2, sent: true });
      });
    }

    it('finds answers that come byte by byte, with noise and an echo', async () => {
      fake.behave = (request) => {
        const bytes = Buffer.concat([Buffer.of(0), request.bytes, Buffer.of(0), goodFrame(request)]);
        for (const byte of bytes) setImmediate(() => request.send(Buffer.of(byte)));
      };
      expect(await everyFunction()).to.deep.equal(expected);
    });

    it('takes no value from bytes that are no answer, and says what came', async () => {
      const spoilt = (request: LineRequest): Buffer => {
        const frame = goodFrame(request);
        frame[5] = (frame[5] ?? 0) ^ 1;
        return frame;
      };
      const wrong: [(request: LineRequest) => void, number, string][] = [
        [(request) => request.send(spoilt(request)), 246, 'checksum'],
        [(request) => request.send(fake.frame(9, goodPdu(request))), 244, 'unit 9'],
        [(request) => request.send(fake.frame(1, Buffer.of(0x90, 2))), 245, 'function'],
        [(request) => request.send(fake.frame(1, Buffer.of(3, 4, 0, 1, 0, 2))), 243, 'bytes instead of'],
        [echo, 240, 'repeated by the line itself'],
        [({ send }) => send(Buffer.from('0000ffff00')), 240, 'within 150 ms'],
      ];
      for (const [behave, status, what] of wrong) {
        fake.behave = behave;
        const outcome = await outcomeOf(call(readOf(7), { timeoutMs: 150 }));
        expect(outcome).to.include({ status, sent: true });
        expect(outcome).to.have.property('message').that.contains(what);
        fake.behave = fake.answer;
        expect(await outcomeOf(call(readOf(8)))).to.deep.equal([8]);
      }
    });

    it('ends a spoilt answer without waiting for the whole time-out', async () => {
      fake.behave = (request) => {
        const frame = goodFrame(request);
        frame[5] = (frame[5] ?? 0) ^ 1;
        request.send(frame);
        fake.behave = fake.answer;
      };
      // The second attempt has no room in the deadline unless the first one ends early.
      const outcome = await outcomeOf(
        call(readOf(7), { timeoutMs: 120_000, deadlineMs: 110_000, retries: 1 }),
      );
      expect(outcome).to.deep.equal([7]);
    });

    describe('with an adapter that echoes', () => {
      const single: ModbusRequest[] = [writeOf(1, 5), { fc: 5, unit: 1, address: 1, count: 1, bits: [true] }];

      it('reports no single write as done when no device is behind it', async () => {
        fake.behave = echo;
        expect(await outcomeOf(call(readOf(1), { timeoutMs: LEARNING_TIMEOUT_MS }))).to.include({
          status: 240,
        });
        for (const request of [...single, requests[7]!, requests[8]!]) {
          const outcome = await outcomeOf(call(request, { timeoutMs: 100, retries: 5 }));
          expect(outcome).to.include({ status: 240, sent: true });
          expect(outcome).to.have.property('message').that.contains('repeated by the line itself');
        }
        expect(fake.writes.length).to.equal(4);
      });

      it('reads back a write that only the line repeated, where the write is verified', async () => {
        fake.behave = (request) => {
          echo(request);
          if (request.fc <= 4) fake.answer(request);
        };
        await call(readOf(1));
        for (const request of single) {
          const replies: ModbusReply[] = [];
          const nextRequest = (reply: ModbusReply): ModbusRequest | undefined =>
            replies.push(reply) === 1 ? readOf(5) : undefined;
          const last = await call(request, { timeoutMs: 100, nextRequest });
          expect([replies[0]?.confirmed, last.registers]).to.deep.equal(['none', [5]]);
        }
      });

      it('knows the answer of the device by the second copy', async () => {
        fake.behave = (request) => {
          echo(request);
          fake.answer(request);
        };
        await call(readOf(1));
        for (const request of single) expect((await call(request)).confirmed).to.equal('echo');
      });

      it('remembers the echo when the connection is replaced', async () => {
        endpoint = { ...endpoint, bus: { ...bus, idleTimeout: 0 } };
        fake.behave = echo;
        await outcomeOf(call(readOf(1), { timeoutMs: LEARNING_TIMEOUT_MS }));
        expect(await outcomeOf(call(writeOf(1, 5), { timeoutMs: 100 }))).to.include({
          status: 240,
          sent: true,
        });
      });

      it('forgets the echo after three reads without one', async () => {
        fake.behave = echo;
        await outcomeOf(call(readOf(1), { timeoutMs: LEARNING_TIMEOUT_MS }));
        fake.behave = fake.answer;
        for (const address of [1, 2, 3]) await call(readOf(address));
        expect((await call(writeOf(1, 5))).confirmed).to.equal('echo');
      });
    });
  });
}
