import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { openModbus } from '../../../lib/drivers/modbus/modbus.ts';
import { callOf, outcomeOf, readOf, tcpEndpoint, writeOf } from '../../support/modbus-call.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';
import { goodReply, startModbusFake } from '../../support/modbus-fake.ts';
import { useModbusBench } from '../../support/modbus-bench.ts';

describe('the Modbus driver when it is not used any more', () => {
  const bench = useModbusBench();

  it('keeps no process alive after devices have closed their connections', async function () {
    this.timeout(50_000);
    const second = await startModbusFake();
    for (const device of [bench.fake, second])
      device.behave = (request) => request.socket.end(goodReply(request));
    const script = fileURLToPath(new URL('../../support/modbus-exit.ts', import.meta.url));
    const ports = [bench.fake, second].map(({ port }) => String(port));
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...ports], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let closed = false;
    child.stdout.on('data', () => (closed = true));
    // The idle time is 60 s: with a timer left the process would outlive this spec.
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect([code, closed]).to.deep.equal([0, true]);
    await second.close();
  });

  it('uses other link settings as soon as the last document of the old ones is gone', async () => {
    const settings = (requestDelay: number) =>
      tcpEndpoint(bench.fake.port, { bus: { requestDelay, idleTimeout: 60_000, maxInFlight: 1 } });
    let most = 0;
    bench.fake.greet = () => void (most = Math.max(most, bench.fake.open.size));
    for (const requestDelay of [0, 1, 2, 1]) {
      const release = bench.driver.reserve(settings(requestDelay));
      expect(await outcomeOf(bench.driver.call(settings(requestDelay), callOf(readOf(1))))).to.deep.equal([
        1,
      ]);
      release();
    }
    expect([bench.fake.accepted, most]).to.deep.equal([4, 1]);
  });
});

describe('a Modbus device that swallows the first requests after a connect', () => {
  it('gets its first request after the configured delay, on every connection', async () => {
    const egress = openLocalEgress();
    const driver = openModbus({ egress });
    const fake = await startModbusFake();
    const [waits, opened]: [number[], { at: number }] = [[], { at: 0 }];
    fake.greet = () => void (opened.at = performance.now());
    fake.behave = (request) => {
      waits.push(performance.now() - opened.at);
      request.socket.end(goodReply(request));
    };
    const bus = { requestDelay: 0, idleTimeout: 60_000, maxInFlight: 1, delayAfterConnect: 80 };
    const endpoint = tcpEndpoint(fake.port, { bus });
    for (const request of [readOf(1), writeOf(1, 5), readOf(2)])
      expect(
        await outcomeOf(driver.call(endpoint, callOf(request, { timeoutMs: 2000 }))),
      ).to.not.have.property('status');
    expect(waits.length).to.equal(3);
    // A timer may be a little early by the clock of the other end.
    for (const waited of waits) expect(waited).to.be.above(75);
    // A call whose deadline is over before the delay is refused unsent.
    const late = driver.call(endpoint, callOf(writeOf(1, 6), { deadlineMs: 20 }));
    expect(await outcomeOf(late)).to.include({ status: 240, sent: false });
    await driver.close();
    await fake.close();
    await egress.close();
  });
});
