import { expect } from 'chai';
import type { Endpoint } from '../../../lib/drivers/modbus/endpoint.ts';
import type { ModbusReply } from '../../../lib/drivers/modbus/request.ts';
import { callOf, outcomeOf, readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import {
  adu,
  answer,
  goodPdu,
  goodReply,
  startModbusFake,
  type FakeRequest,
} from '../../support/modbus-fake.ts';
import { waitFor } from '../../support/wait-for.ts';
import { useModbusBench } from '../../support/modbus-bench.ts';

/** What a broken device does with a request, the status of a write that meets it, and whether a read that is repeated does. */
interface Broken {
  does: string;
  behave: (request: FakeRequest) => void;
  status: number;
  what: string;
}

const exception = (code: number) => (request: FakeRequest) =>
  request.socket.write(adu(request.id, request.unit, Buffer.of(request.fc | 0x80, code)));

const broken: Broken[] = [
  {
    does: 'closes the connection (FIN)',
    behave: ({ socket }) => socket.end(),
    status: 243,
    what: 'connection closed by the device',
  },
  {
    does: 'resets the connection (RST)',
    behave: ({ socket }) => socket.resetAndDestroy(),
    status: 243,
    what: 'ECONNRESET',
  },
  { does: 'never answers', behave: () => undefined, status: 240, what: 'got no answer within 60 ms' },
  {
    does: 'answers half',
    behave: (request) => request.socket.write(goodReply(request).subarray(0, 9)),
    status: 240,
    what: 'only a part of an answer',
  },
  {
    does: 'answers with a header that promises too much',
    behave: ({ id, unit, socket }) => socket.write(adu(id, unit, Buffer.alloc(300, 3))),
    status: 243,
    what: 'a header that is not Modbus (length 301)',
  },
  {
    does: 'answers with more bytes than asked for',
    behave: ({ id, unit, pdu, socket }) => socket.write(adu(id, unit, Buffer.concat([goodPduOf(pdu), pdu]))),
    status: 243,
    what: 'bytes instead of',
  },
  {
    does: 'answers with fewer bytes than asked for',
    behave: ({ id, unit, fc, socket }) => socket.write(adu(id, unit, Buffer.of(fc, 1, 0))),
    status: 243,
    what: 'bytes instead of',
  },
  {
    does: 'answers as another unit',
    behave: ({ id, pdu, socket }) => socket.write(adu(id, 9, goodPduOf(pdu))),
    status: 244,
    what: 'answered as unit 9',
  },
  {
    does: 'answers with another function',
    behave: ({ id, unit, pdu, socket }) =>
      socket.write(adu(id, unit, Buffer.concat([Buffer.of(2), goodPduOf(pdu).subarray(1)]))),
    status: 245,
    what: 'answered with function 2',
  },
  {
    does: 'answers with another transaction id',
    behave: ({ id, unit, pdu, socket }) => socket.write(adu(id ^ 0x0101, unit, goodPduOf(pdu))),
    status: 240,
    what: 'got no answer',
  },
  {
    does: 'answers with another protocol id',
    behave: ({ id, unit, pdu, socket }) => socket.write(adu(id, unit, goodPduOf(pdu), 1)),
    status: 243,
    what: 'not Modbus (protocol id 1)',
  },
  {
    does: 'answers in another language',
    behave: ({ socket }) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    status: 243,
    what: 'not Modbus (this looks like an HTTP server: is it the right port?)',
  },
  { does: 'fails', behave: exception(4), status: 4, what: 'exception 4' },
  { does: 'is busy', behave: exception(6), status: 6, what: 'exception 6' },
  { does: 'is behind a gateway and silent', behave: exception(11), status: 11, what: 'exception 11' },
  { does: 'has its own reasons', behave: exception(99), status: 255, what: 'exception 99' },
];

function goodPduOf(pdu: Buffer): Buffer {
  return goodPdu({ fc: pdu[0] ?? 0, address: pdu.readUInt16BE(1), count: pdu.readUInt16BE(3), pdu });
}

describe('the Modbus driver and a device that', () => {
  const bench = useModbusBench();
  let endpoint: Endpoint;

  beforeEach(async () => {
    endpoint = tcpEndpoint(bench.fake.port);
  });

  const times = { timeoutMs: 60, deadlineMs: 2000 };
  const read = (address: number, more = {}): Promise<ModbusReply> =>
    bench.driver.call(endpoint, callOf(readOf(address), { ...times, ...more }));
  const write = (address: number, value: number, more = {}): Promise<ModbusReply> =>
    bench.driver.call(endpoint, callOf(writeOf(address, value), { ...times, retries: 5, ...more }));

  for (const { does, behave, status, what } of broken) {
    describe(does, () => {
      it('sees a write once, and is reported', async () => {
        bench.fake.behave = behave;
        const outcome = await outcomeOf(write(5, 77));
        expect(outcome).to.include({ status, sent: true });
        expect(outcome).to.have.property('message').that.contains(what);
        // Whatever is repeated now is not that write.
        bench.fake.behave = answer;
        await waitFor(async () => !('status' in (await outcomeOf(read(8)))));
        expect(await outcomeOf(read(9))).to.deep.equal([9]);
        expect(bench.fake.writes.map(({ address, count }) => [address, count])).to.deep.equal([[5, 77]]);
      });

      it('sees a read at most twice, and is given up', async () => {
        bench.fake.behave = behave;
        expect(await outcomeOf(read(5))).to.include({ status, sent: true });
        expect(bench.fake.requests.length).to.equal(what.startsWith('exception') ? 1 : 2);
        expect(bench.fake.open.size).to.be.at.most(1);
      });
    });
  }

  describe('goes away', () => {
    for (const [how, leave] of [
      ['FIN', ({ socket }: FakeRequest) => socket.end()],
      ['RST', ({ socket }: FakeRequest) => socket.resetAndDestroy()],
    ] as const) {
      it(`has every pending call rejected, and no time-out is waited for (${how})`, async () => {
        await read(1);
        bench.fake.behave = leave;
        const never = { timeoutMs: 120_000, deadlineMs: 120_000, retries: 0 };
        const calls = Array.from({ length: 20 }, (_, index) =>
          outcomeOf(index % 2 ? write(index, 1, never) : read(index, never)),
        );
        const outcomes = await Promise.all(calls);
        expect(outcomes.filter((outcome) => !('status' in outcome))).to.deep.equal([]);
        // What was sent is told apart from what was not.
        const sent = outcomes.filter((outcome) => 'status' in outcome && outcome.sent).length;
        expect(sent).to.equal(bench.fake.requests.length - 1);
      });
    }

    it('is tried again at once when it comes back, and backed off from when it does not', async () => {
      await read(1);
      const { port } = bench.fake;
      await bench.fake.close();
      const statuses: unknown[] = [];
      const messages: string[] = [];
      for (let index = 0; index < 3; index++) {
        const outcome = await outcomeOf(read(2));
        if (!('status' in outcome)) continue;
        statuses.push(outcome.status === 243 ? 241 : outcome.status);
        messages.push(outcome.message);
      }
      expect(statuses).to.deep.equal([241, 241, 241]);
      expect(messages.at(-1)).to.match(/cannot be reached: .*ECONNREFUSED.* \(next attempt in \d+ ms\)/);
      bench.fake = await startModbusFake(port);
      await waitFor(async () => !('status' in (await outcomeOf(read(3)))));
      expect(await outcomeOf(read(4))).to.deep.equal([4]);
      expect(bench.fake.accepted).to.equal(1);
    });

    it('backs off longer each time: 250 ms, 500 ms, 1 s', async function () {
      this.timeout(30_000);
      await bench.fake.close();
      const attempts: { began: number; ended: number }[] = [];
      /** The longest pause that a refusal has named since the last attempt. */
      const named: number[] = [];
      await waitFor(async () => {
        const began = performance.now();
        const outcome = await outcomeOf(read(1));
        if (!('status' in outcome)) throw new Error('nobody listens there');
        const pause = /next attempt in (\d+) ms/.exec(outcome.message)?.[1];
        if (pause === undefined) attempts.push({ began, ended: performance.now() });
        else named[attempts.length - 1] = Math.max(named[attempts.length - 1] ?? 0, Number(pause));
        return attempts.length === 4;
      }, 20_000);
      const pauses = attempts.slice(1).map(({ ended }, index) => ended - attempts[index]!.began);
      for (const [index, least] of [250, 500, 1000].entries()) {
        expect(pauses[index]).to.be.at.least(least);
        expect(named[index]).to.be.at.most(least);
      }
    });
  });

  describe('answers late', () => {
    it('does not have its answer taken for that of another call', async () => {
      const late: FakeRequest[] = [];
      bench.fake.behave = (request) => (request.address === 1 ? late.push(request) : answer(request));
      expect(await outcomeOf(read(1, { retries: 0 }))).to.include({ status: 240 });
      bench.fake.behave = (request) => {
        for (const old of late) answer(old);
        answer(request);
        answer(request);
      };
      for (let address = 100; address < 400; address++) {
        expect(await outcomeOf(read(address))).to.deep.equal([address]);
      }
      expect(bench.fake.accepted).to.equal(1);
    });

    it('in pieces of one byte is understood', async () => {
      bench.fake.behave = (request) => {
        request.socket.setNoDelay(true);
        for (const byte of goodReply(request)) request.socket.write(Buffer.of(byte));
      };
      expect(await outcomeOf(read(7))).to.deep.equal([7]);
    });

    it('with two answers in one piece gives each call its own', async () => {
      endpoint = tcpEndpoint(bench.fake.port, {
        bus: { requestDelay: 0, idleTimeout: 1000, maxInFlight: 4 },
      });
      const waiting: FakeRequest[] = [];
      bench.fake.behave = (request) => {
        waiting.push(request);
        if (waiting.length < 4) return;
        request.socket.write(Buffer.concat(waiting.splice(0).toReversed().map(goodReply)));
      };
      const replies = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((address) => outcomeOf(read(address))));
      expect(replies).to.deep.equal([[1], [2], [3], [4], [5], [6], [7], [8]]);
    });
  });

  describe('is a gateway', () => {
    it('keeps its connection when a unit behind it is dead', async () => {
      bench.fake.behave = (request) => request.unit !== 9 && answer(request);
      const dead = (): Promise<ModbusReply> =>
        bench.driver.call(endpoint, callOf(readOf(1, 1, 9), { ...times, timeoutMs: 20, retries: 0 }));
      for (let round = 0; round < 4; round++) {
        expect(await outcomeOf(dead())).to.include({ status: 240 });
        expect(await outcomeOf(read(round))).to.deep.equal([round]);
      }
      expect(bench.fake.accepted).to.equal(1);
      // Three in a row: now the connection is under suspicion.
      for (let round = 0; round < 3; round++) await outcomeOf(dead());
      expect(await outcomeOf(read(5))).to.deep.equal([5]);
      expect(bench.fake.accepted).to.equal(2);
    });
  });

  describe('allows one connection', () => {
    it('is never asked for a second one, also while the first is replaced', async () => {
      let most = 0;
      bench.fake.greet = (socket) => {
        most = Math.max(most, bench.fake.open.size);
        if (bench.fake.open.size > 1) socket.destroy();
      };
      let answers = 0;
      bench.fake.behave = (request) => {
        answers++;
        if (answers % 7 === 0) request.socket.write('nonsense, longer than a header');
        else answer(request);
      };
      const calls = Array.from({ length: 60 }, (_, address) => outcomeOf(read(address)));
      expect(await Promise.all(calls)).to.deep.equal(calls.map((_, address) => [address]));
      expect(most).to.equal(1);
      expect(bench.fake.accepted).to.be.above(5);
    });
  });
});
