import { expect } from 'chai';
import type { BusCall } from '../../../lib/drivers/modbus/job.ts';
import { openModbus } from '../../../lib/drivers/modbus/modbus.ts';
import type { ModbusReply, ModbusRequest } from '../../../lib/drivers/modbus/request.ts';
import { callOf, outcomeOf, readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { answer, goodReply, type FakeRequest } from '../../support/modbus-fake.ts';
import { startLineFake } from '../../support/modbus-line-fake.ts';
import { waitFor } from '../../support/wait-for.ts';
import { useModbusBench } from '../../support/modbus-bench.ts';

/** How a device answers and closes. Between the answer and the end of the connection is no time, or a little. */
const ways: Record<string, (request: FakeRequest) => void> = {
  'in one packet': (request) => request.socket.end(goodReply(request)),
  'in the next turn': (request) => {
    answer(request);
    setImmediate(() => request.socket.end());
  },
  'after 10 ms': (request) => {
    answer(request);
    setTimeout(() => request.socket.end(), 10);
  },
  'by a reset after 5 ms': (request) => {
    answer(request);
    setTimeout(() => request.socket.resetAndDestroy(), 5);
  },
};

describe('the Modbus driver and a device that closes', () => {
  const bench = useModbusBench();

  const call = (
    request: ModbusRequest,
    more: Partial<BusCall> = {},
    maxInFlight = 1,
  ): Promise<ModbusReply> => {
    const bus = { requestDelay: 0, idleTimeout: 60_000, maxInFlight };
    return bench.driver.call(
      tcpEndpoint(bench.fake.port, { bus }),
      callOf(request, { timeoutMs: 1000, ...more }),
    );
  };

  for (const [way, behave] of Object.entries(ways)) {
    describe(`after each answer, ${way}`, () => {
      beforeEach(async () => {
        bench.fake.behave = behave;
        // Before the habit is known, a write may leave between the answer and the end. Its fate is unknown then.
        await call(readOf(0), { retries: 3 });
        await waitFor(() => bench.fake.open.size === 0);
      });

      it('answers reads and writes, one after the other', async () => {
        const outcomes: unknown[] = [];
        for (let round = 0; round < 5; round++) {
          for (const request of [readOf(11), writeOf(2, round), readOf(12), readOf(13)])
            outcomes.push(await outcomeOf(call(request, { retries: 3 })));
        }
        expect(outcomes).to.deep.equal(Array.from({ length: 5 }, () => [[11], [], [12], [13]]).flat());
        expect(bench.fake.writes.map(({ count }) => count)).to.deep.equal([0, 1, 2, 3, 4]);
      });

      it('answers reads in parallel, also with more than one on the way', async () => {
        for (const maxInFlight of [1, 8]) {
          await bench.driver.close();
          bench.driver = openModbus({ egress: bench.egress });
          const calls = Array.from({ length: 20 }, (_, address) =>
            outcomeOf(call(readOf(address), {}, maxInFlight)),
          );
          expect(await Promise.all(calls)).to.deep.equal(calls.map((_, address) => [address]));
        }
      });

      it('sends no write twice, and each write in its turn once the habit is known', async () => {
        const calls = [1, 2, 3, 4].flatMap((value) => [
          call(writeOf(9, value)),
          call(readOf(value), { retries: 3 }),
        ]);
        const outcomes = await Promise.all(calls.map(outcomeOf));
        expect(outcomes).to.deep.equal([[], [1], [], [2], [], [3], [], [4]]);
        expect(bench.fake.writes.map(({ count }) => count)).to.deep.equal([1, 2, 3, 4]);
      });

      it('answers a read, a write and a read that belong together', async () => {
        const steps = [writeOf(1, 5), readOf(1)];
        const reply = await call(readOf(1), { retries: 3, nextRequest: () => steps.shift() });
        expect([reply.registers, bench.fake.writes.length]).to.deep.equal([[1], 1]);
      });
    });
  }

  it('with the answer before a write: the write is sent on a new connection, the first time too', async () => {
    bench.fake.behave = ways['in one packet']!;
    const outcomes = await Promise.all(
      [readOf(11), writeOf(2, 5), readOf(12)].map((one) => outcomeOf(call(one))),
    );
    expect(outcomes).to.deep.equal([[11], [], [12]]);
    expect(bench.fake.writes.length).to.equal(1);
  });

  it('before its answer: a read is sent as often as its document says, a write once', async () => {
    for (const [retries, closes] of [
      [0, 1],
      [1, 2],
      [3, 4],
    ] as const) {
      bench.fake.requests.length = 0;
      bench.fake.behave = ({ socket }) => socket.end();
      expect(await outcomeOf(call(readOf(1), { retries }))).to.include({ status: 243, sent: true });
      expect(bench.fake.requests.length).to.equal(closes);
      bench.fake.behave = answer;
      await waitFor(async () => !('status' in (await outcomeOf(call(readOf(2))))), 5000);
    }
    let left = 3;
    bench.fake.behave = (request) => (left-- > 0 ? request.socket.end() : answer(request));
    expect(await outcomeOf(call(readOf(7), { retries: 3 }))).to.deep.equal([7]);
    bench.fake.behave = ({ socket }) => socket.end();
    const write = await outcomeOf(call(writeOf(7, 7), { retries: 9 }));
    expect(write).to.include({ status: 243, sent: true });
    expect(bench.fake.writes.length).to.equal(1);
  });

  it('once after an answer is used as any other device afterwards', async () => {
    bench.fake.behave = ways['in one packet']!;
    await call(readOf(1));
    bench.fake.behave = answer;
    for (let address = 2; address < 10; address++)
      expect(await outcomeOf(call(readOf(address)))).to.deep.equal([address]);
    expect(bench.fake.accepted).to.equal(2);
  });

  it('after each answer on RTU over TCP is understood too', async () => {
    const line = await startLineFake('rtu');
    line.behave = (request) => {
      line.answer(request);
      request.end();
    };
    const endpoint = tcpEndpoint(line.port, { framing: 'rtu' });
    const outcomes: unknown[] = [];
    for (const request of [readOf(11), writeOf(2, 5), readOf(12), writeOf(3, 6), readOf(13)])
      outcomes.push(await outcomeOf(bench.driver.call(endpoint, callOf(request, { timeoutMs: 1000 }))));
    expect(outcomes).to.deep.equal([[11], [], [12], [], [13]]);
    expect(line.writes.length).to.equal(2);
    await line.close();
  });
});
