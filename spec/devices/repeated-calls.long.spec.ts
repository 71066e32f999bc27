import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { startCrashDevice, type CrashDevice } from '../support/crash-device.ts';
import { randomDrops, startDroppingProxy } from '../support/dropping-proxy.ts';
import { openRest } from '../support/rest.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';

const CALLS = 100;
const AT_ONCE = 10;
const TRIES = 30;
const DROPPED_PERCENT = 25;
const PATH = '/api/devices/plant/tools/write';

describe('a direct call of a device that is repeated', function () {
  let device: CrashDevice;
  let server: ThreadServer;
  let ann: Caller;
  before(async () => {
    device = await startCrashDevice(() => 0);
    server = await openThreadServer({ AUTH: 'required' });
    const admin = await server.caller('root', 'admin');
    ann = await server.caller('ann');
    const { status } = await admin.call('POST', '/api/devices', { name: 'plant', openSpec: device.document });
    expect(status).to.equal(201);
  });
  after(async () => {
    await server.close();
    await device.close();
  });

  const headersOf = (id: string) => ({ 'idempotency-key': `call ${id}` });
  const bodyOf = (id: string) => ({ arguments: { id } });
  const timesOf = (id: string): number => device.writes.get(id)?.length ?? 0;

  it('reaches the device once under its Idempotency-Key, whatever the network drops', async () => {
    const proxy = await startDroppingProxy(server.url, randomDrops(11, DROPPED_PERCENT));
    const rest = openRest(proxy.url);
    /** Asks until an answer comes. */
    async function callOnce(id: string): Promise<number> {
      for (let attempt = 1; attempt <= TRIES; attempt += 1) {
        const answer = await rest
          .call('POST', PATH, { token: ann.token, body: bodyOf(id), headers: headersOf(id) })
          .catch(() => undefined);
        if (answer) return answer.status;
      }
      return 0;
    }
    const ids = Array.from({ length: CALLS }, () => randomUUID());
    const statuses: number[] = [];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, lane) => {
        for (let at = lane; at < CALLS; at += AT_ONCE) statuses.push(await callOnce(ids[at]!));
      }),
    );
    await proxy.close();
    expect(statuses).to.deep.equal(ids.map(() => 200));
    expect(ids.map(timesOf)).to.deep.equal(ids.map(() => 1));
    expect(proxy.drops).to.be.at.least(CALLS / 2);
  });

  it('gets the first answer, and is refused with other arguments', async () => {
    const [id, other] = [randomUUID(), randomUUID()];
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ann.call('POST', PATH, bodyOf(id), headersOf(id))),
    );
    expect(answers.map(({ status, body }) => ({ status, body }))).to.deep.equal(
      answers.map(() => ({ status: 200, body: answers[0]!.body })),
    );
    expect((await ann.call('POST', PATH, bodyOf(other), headersOf(id))).status).to.equal(409);
    expect([timesOf(id), timesOf(other)]).to.deep.equal([1, 0]);
  });
});
