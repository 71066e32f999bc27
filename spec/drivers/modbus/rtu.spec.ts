import { expect } from 'chai';
import * as fc from 'fast-check';
import { ModbusConnection } from '../../../lib/drivers/modbus/connection.ts';
import { createLineTraits } from '../../../lib/drivers/modbus/line-traits.ts';
import type { ModbusClass } from '../../../lib/drivers/modbus/modbus-serial.ts';
import type { ExchangeFailure, ModbusReply, ModbusRequest } from '../../../lib/drivers/modbus/request.ts';
import { crc16 } from '../../../lib/drivers/modbus/framing.ts';
import { readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { goodPdu } from '../../support/modbus-fake.ts';

/** A whole RTU frame. */
function frameOf(unit: number, pdu: Buffer): Buffer {
  const body = Buffer.concat([Buffer.of(unit), pdu]);
  const crc = crc16(body);
  return Buffer.concat([body, Buffer.of(crc & 0xff, crc >> 8)]);
}

describe('the search for an RTU frame', () => {
  let Modbus: ModbusClass;

  before(async () => {
    const { default: ModbusRTU } = await import('modbus-serial');
    Modbus = ModbusRTU as unknown as ModbusClass;
  });

  /** What one request gets from bytes that arrive in portions of the given size; undefined for nothing. */
  function outcomeOf(
    request: ModbusRequest,
    arriving: (sent: Buffer) => Buffer,
    size: number,
  ): ModbusReply | ExchangeFailure | undefined {
    let sent = Buffer.alloc(0);
    const outcomes: (ModbusReply | ExchangeFailure)[] = [];
    const transport = {
      write: (bytes: Buffer) => void (sent = Buffer.from(bytes)),
      close: () => Promise.resolve(),
    };
    const events = {
      outcome: (_: number, outcome: ModbusReply | ExchangeFailure) => void outcomes.push(outcome),
      broken: (failure: ExchangeFailure) => void outcomes.push(failure),
      suspect: () => undefined,
    };
    const endpoint = tcpEndpoint(1, { framing: 'rtu' });
    const connection = new ModbusConnection(Modbus, endpoint, transport, events, createLineTraits());
    connection.send(1, request);
    const bytes = arriving(sent);
    for (let at = 0; at < bytes.length; at += size) connection.receive(bytes.subarray(at, at + size));
    expect(outcomes.length).to.be.at.most(1);
    return outcomes[0];
  }

  const anyRead = fc
    .tuple(fc.constantFrom(3, 4), fc.integer({ min: 0, max: 65_000 }), fc.integer({ min: 1, max: 125 }))
    .map(([code, address, count]): ModbusRequest => ({ fc: code, unit: 1, address, count }));
  const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  const sizes = fc.integer({ min: 1, max: 300 });
  const valuesOf = ({ address, count }: ModbusRequest): number[] =>
    Array.from({ length: count }, (_, index) => (address + index) & 0xffff);
  const goodFrame = (request: ModbusRequest): Buffer =>
    frameOf(request.unit, goodPdu({ ...request, pdu: Buffer.alloc(0) }));

  it('finds the value behind an echo and noise, or nothing, and never another value', () => {
    let found = 0;
    let runs = 0;
    fc.assert(
      fc.property(anyRead, noise, noise, sizes, fc.boolean(), (request, before, behind, size, echoes) => {
        const outcome = outcomeOf(
          request,
          (sent) => Buffer.concat([before, echoes ? sent : Buffer.alloc(0), goodFrame(request), behind]),
          size,
        );
        runs++;
        if (outcome === undefined) return;
        found++;
        expect(outcome).to.have.property('registers').that.deep.equals(valuesOf(request));
      }),
      { numRuns: 1000 },
    );
    // Noise may look like the beginning of the answer, and then the answer is waited for. That is rare.
    expect(found / runs).to.be.above(0.97);
  });

  it('takes no value from a frame with a wrong bit, in any portions', () => {
    fc.assert(
      fc.property(anyRead, fc.nat(), sizes, (request, bit, size) => {
        const frame = goodFrame(request);
        const at = bit % (frame.length * 8);
        frame[at >> 3] = (frame[at >> 3] ?? 0) ^ (1 << (at & 7));
        expect(outcomeOf(request, () => frame, size)).to.equal(undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes the whole frame where its data hold another one', () => {
    // Registers 0 to 4 hold a whole answer to the same request for one register, in a longer answer.
    const inner = Buffer.concat([frameOf(1, Buffer.of(0x83, 2)), Buffer.of(0)]);
    const request = readOf(0, 3);
    const outer = frameOf(1, Buffer.concat([Buffer.of(3, 6), inner]));
    for (const size of [1, 2, 7, 100]) {
      const outcome = outcomeOf(request, () => outer, size);
      expect(outcome).to.have.property('registers').that.has.length(3);
    }
  });

  it('takes no part of an echo for a value, also where its checksum fits by chance', () => {
    let met = 0;
    for (const code of [3, 4] as const) {
      for (let unit = 1; unit < 248; unit++) {
        for (let address = 0x200; address < 0x300; address++) {
          const echo = frameOf(unit, Buffer.of(code, 2, address & 0xff, 0, 1));
          // The first seven bytes of this echo are a whole answer with a right checksum.
          if (crc16(echo, 5) !== echo.readUInt16LE(5)) continue;
          met++;
          const request: ModbusRequest = { fc: code, unit, address, count: 1 };
          for (const size of [1, 7, 8]) expect(outcomeOf(request, (sent) => sent, size)).to.equal(undefined);
        }
      }
    }
    expect(met).to.be.above(0);
  });

  it('takes the echo of a write with the right bytes only', () => {
    const request = writeOf(1, 5);
    expect(outcomeOf(request, () => frameOf(1, Buffer.from('0600010006', 'hex')), 1)).to.equal(undefined);
    expect(
      outcomeOf(request, (sent) => Buffer.concat([frameOf(1, Buffer.from('0600010006', 'hex')), sent]), 3),
    ).to.include({
      confirmed: 'echo',
    });
  });
});
