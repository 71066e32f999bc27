import { expect } from 'chai';
import { openModbus } from '../../../lib/drivers/modbus/modbus.ts';
import { openEgress, type Egress } from '../../../lib/drivers/egress.ts';
import type { Endpoint } from '../../../lib/drivers/modbus/endpoint.ts';
import { callOf, outcomeOf, readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { startModbusFake } from '../../support/modbus-fake.ts';
import { waitFor } from '../../support/wait-for.ts';
import { useModbusBench } from '../../support/modbus-bench.ts';

describe('the Modbus driver on TCP', () => {
  const bench = useModbusBench();

  it('reads and writes every storage', async () => {
    const endpoint = tcpEndpoint(bench.fake.port);
    const place = { unit: 1, address: 7 };
    const call = (request: Parameters<typeof callOf>[0]) => bench.driver.call(endpoint, callOf(request));
    const replies = await Promise.all([
      call({ fc: 1, ...place, count: 3 }),
      call({ fc: 2, ...place, count: 1 }),
      call({ fc: 3, ...place, count: 2 }),
      call({ fc: 4, ...place, count: 1 }),
      call({ fc: 5, ...place, count: 1, bits: [true] }),
      call({ fc: 6, ...place, count: 1, registers: [9] }),
      call({ fc: 15, ...place, count: 3, bits: [true, false, true] }),
      call({ fc: 16, ...place, count: 2, registers: [1, 65535] }),
    ]);
    expect(replies.map(({ bits }) => bits.slice(0, 3))).to.deep.equal([
      [true, false, true],
      [true, false, false],
      [],
      [],
      [],
      [],
      [],
      [],
    ]);
    expect(replies.slice(2, 4).map(({ registers }) => registers)).to.deep.equal([[7, 8], [7]]);
    expect(replies.every(({ confirmed }) => confirmed === 'echo')).to.equal(true);
    expect(bench.fake.writes.map(({ pdu }) => pdu.toString('hex'))).to.deep.equal([
      '050007ff00',
      '0600070009',
      '0f000700030105',
      '1000070002040001ffff',
    ]);
    expect(bench.fake.accepted).to.equal(1);
  });

  it('distinguishes a device that refuses, one that cannot be reached, and one that does not answer', async () => {
    const endpoint = tcpEndpoint(bench.fake.port);
    bench.fake.behave = ({ id, unit, fc, socket }) =>
      socket.write(Buffer.from([id >> 8, id & 255, 0, 0, 0, 3, unit, fc | 0x80, 2]));
    expect(await outcomeOf(bench.driver.call(endpoint, callOf(readOf(5000))))).to.deep.equal({
      status: 2,
      sent: true,
      message: `127.0.0.1:${bench.fake.port} unit 1: holdingRegisters 5000 count 1 refused (FC3, exception 2)`,
    });
    bench.fake.behave = () => undefined;
    const silent = callOf(writeOf(1, 2), { timeoutMs: 30 });
    expect(await outcomeOf(bench.driver.call(endpoint, silent))).to.deep.equal({
      status: 240,
      sent: true,
      message: `127.0.0.1:${bench.fake.port} unit 1: holdingRegisters 1 count 1 got no answer within 30 ms`,
    });
    expect(bench.fake.writes.length).to.equal(1);
    await bench.driver.call(endpoint, callOf(writeOf(1, 2), { timeoutMs: 30 })).catch(() => undefined);
    await bench.fake.close();
    const refused = await outcomeOf(bench.driver.call(endpoint, callOf(readOf(1))));
    expect(refused).to.have.property('status').that.is.oneOf([241, 243]);
  });

  it('does not mix link settings on one endpoint, in any order', async () => {
    const endpoint = tcpEndpoint(bench.fake.port);
    const other = tcpEndpoint(bench.fake.port, { framing: 'rtu' });
    expect(await outcomeOf(bench.driver.call(endpoint, callOf(readOf(1))))).to.deep.equal([1]);
    const difference = 'is in use with other link settings: framing mbap and rtu';
    const refused = {
      status: 241,
      sent: false,
      message: `127.0.0.1:${bench.fake.port} ${difference}`,
    };
    expect(await outcomeOf(bench.driver.call(other, callOf(readOf(1))))).to.deep.equal(refused);
    const release = bench.driver.reserve(other);
    expect(await outcomeOf(bench.driver.call(other, callOf(readOf(1))))).to.deep.equal(refused);
    release();
    expect(await outcomeOf(bench.driver.call(endpoint, callOf(readOf(2))))).to.deep.equal([2]);
    expect(bench.fake.requests.length).to.equal(2);
  });

  it('forgets unused endpoints', async () => {
    const brief = { requestDelay: 0, idleTimeout: 0, maxInFlight: 1 };
    await bench.driver.call(tcpEndpoint(bench.fake.port, { bus: brief }), callOf(readOf(1)));
    await waitFor(() => bench.fake.open.size === 0);
    const second = await startModbusFake();
    await bench.driver.call(tcpEndpoint(second.port), callOf(readOf(2)));
    // Its settings may be others now.
    expect(await outcomeOf(bench.driver.call(tcpEndpoint(bench.fake.port), callOf(readOf(3))))).to.deep.equal(
      [3],
    );
    await second.close();
  });

  it('connects where the door leads, and gives the reason where it is closed', async () => {
    const named = { ...tcpEndpoint(bench.fake.port), host: 'boiler.example' } as Endpoint;
    const resolve = (host: string): ReturnType<Egress['resolve']> =>
      Promise.resolve({ address: host === 'boiler.example' ? '127.0.0.1' : '127.0.0.2', family: 4 });
    const naming = openModbus({ egress: { ...bench.egress, resolve } });
    expect(await outcomeOf(naming.call(named, callOf(readOf(5))))).to.deep.equal([5]);
    await naming.close();
    const closed = openEgress({ allow: [], deny: ['127.0.0.1'], allowPrivate: true, serialAllow: [] });
    const refusing = openModbus({ egress: closed });
    const outcome = await outcomeOf(refusing.call(tcpEndpoint(bench.fake.port), callOf(writeOf(1, 1))));
    expect(outcome).to.include({ status: 241, sent: false });
    expect(outcome).to.have.property('message').that.contains('EGRESS_DENY');
    await refusing.close();
    await closed.close();
    expect(bench.fake.writes).to.deep.equal([]);
  });

  it('gives up a connection that does not come about, in its time or at shutdown', async () => {
    const hanging = openModbus({ egress: { ...bench.egress, resolve: () => new Promise(() => undefined) } });
    const endpoint = tcpEndpoint(bench.fake.port);
    const call = (connectTimeoutMs: number): ReturnType<typeof outcomeOf> =>
      outcomeOf(hanging.call(endpoint, callOf(writeOf(1, 1), { connectTimeoutMs })));
    expect(await call(20)).to.deep.equal({
      status: 241,
      sent: false,
      message: `127.0.0.1:${bench.fake.port} cannot be reached: 127.0.0.1 was not resolved within 20 ms`,
    });
    const again = openModbus({ egress: { ...bench.egress, resolve: () => new Promise(() => undefined) } });
    const stop = new AbortController();
    const stopped = outcomeOf(
      again.call(endpoint, callOf(writeOf(1, 1), { connectTimeoutMs: 60_000, signal: stop.signal })),
    );
    const waiting = outcomeOf(again.call(endpoint, callOf(writeOf(2, 1), { connectTimeoutMs: 60_000 })));
    stop.abort();
    expect(await stopped).to.include({ status: 228, sent: false });
    // The connect time-out is a minute: the shutdown does not wait for it.
    await Promise.all([hanging.close(), again.close()]);
    expect(await waiting).to.include({ status: 228, sent: false });
    expect(bench.fake.accepted).to.equal(0);
  });
});
