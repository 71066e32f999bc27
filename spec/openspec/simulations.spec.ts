import { expect } from 'chai';
import { defaultKinds } from '../../lib/defaults.ts';
import { openSimulations, type KeptSimulation, type Simulations } from '../../lib/openspec/simulations.ts';
import { refusal } from '../support/refusal.ts';
import { createTestClock } from '../support/test-clock.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('the places of simulated devices', () => {
  const clock = createTestClock();
  let kept: Map<string, KeptSimulation>;
  let needed: string[];
  let places: Simulations;
  const errors: unknown[] = [];
  const open = (): Simulations =>
    openSimulations({
      kinds: defaultKinds,
      kept: {
        list: async () => [...kept.values()].toSorted((a, b) => b.askedAt - a.askedAt),
        keep: async (one) => void kept.set(one.key, one),
        forget: async (key) => void kept.delete(key),
      },
      onError: (error) => void errors.push(error),
      clock,
    });
  beforeEach(() => {
    clock.skew = 0;
    kept = new Map();
    needed = [];
    places = open();
  });
  afterEach(async () => {
    await places.close();
    expect(errors.splice(0)).to.deep.equal([]);
  });

  const sourceOf = (title: string): string =>
    JSON.stringify({
      openapi: '3.1.0',
      info: { title, version: '1' },
      paths: { '/on': { get: { responses: { 200: { description: 'ok' } } } } },
    });
  const registered = { addresses: async () => needed };
  const start = async (title: string): Promise<string> =>
    (await places.start(sourceOf(title), registered)).server;
  const answers = (server: string): Promise<boolean> =>
    fetch(`${server}/on`).then(
      async (answer) => (await answer.arrayBuffer(), true),
      () => false,
    );
  const titles = (): string[] =>
    [...kept.values()].map(({ source }) => (JSON.parse(source) as { info: { title: string } }).info.title);
  async function fill(): Promise<string[]> {
    const servers: string[] = [];
    for (let at = 1; at <= 16; at += 1) servers.push(await start(`d${at}`));
    return servers;
  }

  it('are taken while each device was used in the last hour, except for a device that runs', async () => {
    const [first] = await fill();
    clock.skew = HOUR - 60_000;
    expect(await refusal(start('one more'))).to.equal('too_many_requests');
    expect(await start('d1')).to.equal(first);
  });

  it('are given up by the device that was unused for longest, and by no device that is registered', async () => {
    const [first = '', second = '', third = ''] = await fill();
    needed = [first];
    const begun = Date.now();
    await waitFor(() => Date.now() > begun);
    expect(await answers(second)).to.equal(true); // it is the one that was used last
    clock.skew = 2 * HOUR;
    await start('one more');
    const others = Array.from({ length: 13 }, (_, at) => `d${at + 4}`);
    expect(titles()).to.have.members(['d1', 'd2', 'one more', ...others]);
    expect(await answers(third)).to.equal(false);
  });

  it('are refused while all devices are registered, however long nobody has used them', async () => {
    needed = await fill();
    clock.skew = 99 * DAY;
    expect(await refusal(start('one more'))).to.equal('too_many_requests');
  });

  it('are taken again after a restart, but not by a device of 30 days ago that is not registered', async () => {
    const [old, used] = [await start('old'), await start('used')];
    clock.skew = 31 * DAY;
    const recent = await start('recent');
    await places.close();
    places = open();
    needed = [used];
    await places.resume(registered);
    expect(titles()).to.have.members(['used', 'recent']);
    expect([await start('used'), await start('recent')]).to.deep.equal([used, recent]);
    expect(await answers(old)).to.equal(false);
  });
});
