import { expect } from 'chai';
import { ModbusConnection } from '../../../lib/drivers/modbus/connection.ts';
import type { ModbusClass } from '../../../lib/drivers/modbus/modbus-serial.ts';
import type { ExchangeFailure, ModbusReply } from '../../../lib/drivers/modbus/request.ts';
import { readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { adu } from '../../support/modbus-fake.ts';

describe('a Modbus connection', () => {
  let sent: Buffer[];
  let outcomes: [number, ModbusReply | ExchangeFailure][];
  let faults: ExchangeFailure[];
  let connection: ModbusConnection;

  beforeEach(async () => {
    sent = [];
    outcomes = [];
    faults = [];
    const { default: ModbusRTU } = await import('modbus-serial');
    const transport = { write: (bytes: Buffer) => void sent.push(bytes), close: () => Promise.resolve() };
    connection = new ModbusConnection(ModbusRTU as unknown as ModbusClass, tcpEndpoint(502), transport, {
      outcome: (slot, outcome) => outcomes.push([slot, outcome]),
      broken: (failure) => faults.push(failure),
      suspect: () => undefined,
    });
  });

  const idOf = (frame: Buffer | undefined): number => frame?.readUInt16BE(0) ?? -1;
  const registerReply = (id: number, value: number): Buffer =>
    adu(id, 1, Buffer.of(3, 2, value >> 8, value & 255));

  it('never gives an id again whose reply may still come, all the way round', () => {
    connection.send(1, readOf(0));
    const late = idOf(sent[0]);
    connection.abandon(1);
    const ids = new Set<number>();
    for (let count = 0; count < 65_536; count++) {
      connection.send(1, readOf(1));
      const id = idOf(sent.pop());
      ids.add(id);
      connection.receive(registerReply(id, 7));
    }
    expect([ids.has(late), ids.size, outcomes.length]).to.deep.equal([false, 65_535, 65_536]);
    connection.send(1, readOf(2));
    connection.receive(registerReply(late, 9));
    expect(outcomes.length).to.equal(65_536);
  });

  it('gives replies in any order to the slots they are for', () => {
    for (const slot of [1, 2, 3]) connection.send(slot, readOf(slot));
    for (const frame of sent.toReversed()) connection.receive(registerReply(idOf(frame), idOf(frame)));
    const [first = 0, second = 0, third = 0] = sent.map(idOf);
    expect(
      outcomes.map(([slot, outcome]) => [slot, 'registers' in outcome && outcome.registers]),
    ).to.deep.equal([
      [3, [third]],
      [2, [second]],
      [1, [first]],
    ]);
  });

  it('reports a request that cannot be encoded, without sending it', () => {
    connection.send(1, writeOf(1, 70_000));
    expect(sent).to.deep.equal([]);
    expect(outcomes).to.have.length(1);
    expect(outcomes[0]?.[1]).to.include({ status: 224 });
  });

  it('does not take the echo of another write, in any of its bytes', () => {
    for (const [index, bytes] of ['0600010006', '0600020005', '0601010005', '0600010105'].entries()) {
      connection.send(1, writeOf(1, 5));
      connection.receive(adu(idOf(sent.at(-1)), 1, Buffer.from(bytes, 'hex')));
      expect(faults[index]).to.deep.equal({ status: 243, what: 'answered with the echo of another write' });
    }
    connection.send(1, { fc: 5, unit: 1, address: 1, count: 1, bits: [false] });
    connection.receive(adu(idOf(sent.at(-1)), 1, Buffer.from('0500011234', 'hex')));
    expect([faults.length, outcomes.length]).to.deep.equal([5, 0]);
  });
});
