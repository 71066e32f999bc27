import { expect } from 'chai';
import { createFairGate, type FairGateOptions } from '../../lib/common/fair-gate.ts';
import { refusalOf, rejection } from '../support/refusal.ts';

describe('a fair gate', () => {
  const options = {
    atOnce: 1,
    waitingMaxCount: 100,
    allWaitingMaxCount: 200,
    waitMaxMs: 10_000,
    noun: 'pictures',
  };

  /** A gate, and the works that have begun in their order; `end` ends the oldest of them. */
  function open(more: Partial<FairGateOptions> = {}) {
    const gate = createFairGate({ ...options, ...more });
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    return {
      begun,
      send(party: string, name = party, signal?: AbortSignal): Promise<string> {
        return gate(
          () =>
            new Promise<string>((resolve) => {
              begun.push(name);
              ends.push(() => resolve(name));
            }),
          { party, signal },
        );
      },
      turn,
      async end(count = 1) {
        await turn();
        for (let at = 0; at < count; at += 1) {
          ends.shift()?.();
          await turn();
        }
      },
    };
  }

  it('has the limits that its options have at that time', async () => {
    const changing = { ...options, waitingMaxCount: 1 };
    const gate = createFairGate(changing);
    const ends: (() => void)[] = [];
    const work = (): Promise<void> =>
      gate(() => new Promise<void>((resolve) => void ends.push(resolve)), { party: 'ada' });
    const works = [work(), work()];
    expect((await refusalOf(work())).code).to.equal('too_many_requests');
    changing.waitingMaxCount = 2;
    works.push(work());
    for (const _ of works) {
      await new Promise((resolve) => setImmediate(resolve));
      ends.shift()?.();
    }
    await Promise.all(works);
  });

  it('takes a work of a party that has none yet, also when many works of others wait', async () => {
    const gate = open({ waitingMaxCount: 2, allWaitingMaxCount: 2 });
    const works = ['ada', 'ada', 'ada'].map((party) => gate.send(party));
    expect((await refusalOf(gate.send('ada'))).code).to.equal('too_many_requests');
    works.push(gate.send('bob'));
    expect((await refusalOf(gate.send('bob'))).code).to.equal('unavailable');
    await gate.end(4);
    expect(await Promise.all(works)).to.deep.equal(['ada', 'ada', 'ada', 'bob']);
    expect(gate.begun).to.deep.equal(['ada', 'ada', 'bob', 'ada']);
  });

  it('gives one party all places where works are short', async () => {
    for (const areShort of [false, true]) {
      const gate = open({ atOnce: 2, areShort });
      const works = [gate.send('ada'), gate.send('ada')];
      await gate.turn();
      expect(gate.begun).to.have.length(areShort ? 2 : 1);
      await gate.end(2);
      await Promise.all(works);
    }
  });

  it('gives the parties their turns, however many works one of them has', async () => {
    const { begun, send, end } = open();
    const works = [1, 2, 3, 4].map((at) => send('ada', `ada ${at}`));
    works.push(send('bob', 'bob 1'), send('bob', 'bob 2'), send('eve', 'eve 1'));
    await end(works.length);
    expect(begun).to.deep.equal(['ada 1', 'ada 2', 'bob 1', 'eve 1', 'ada 3', 'bob 2', 'ada 4']);
    expect(await Promise.all(works)).to.have.lengthOf(7);
  });

  it('refuses no work of the server itself, however many wait', async () => {
    const gate = createFairGate({ ...options, waitingMaxCount: 1, allWaitingMaxCount: 2, waitMaxMs: 1 });
    const turns = Array.from({ length: 20 }, (_, at) => gate(() => Promise.resolve(at)));
    expect(await Promise.all(turns)).to.deep.equal(Array.from({ length: 20 }, (_, at) => at));
  });

  it('keeps a place for other parties', async () => {
    const { begun, send, end, turn } = open({ atOnce: 2 });
    const works = [send('ada', 'ada 1'), send('ada', 'ada 2')];
    await turn();
    works.push(send('bob', 'bob 1'));
    await turn();
    expect(begun).to.deep.equal(['ada 1', 'bob 1']);
    await end(3);
    expect(await Promise.all(works)).to.deep.equal(['ada 1', 'ada 2', 'bob 1']);
  });

  it('refuses more works than may wait, of one party and of all', async () => {
    const { send, end } = open({ waitingMaxCount: 2, allWaitingMaxCount: 3 });
    const works = [1, 2, 3].map(() => send('ada'));
    const own = await refusalOf(send('ada'));
    expect([own.code, own.message]).to.deep.equal([
      'too_many_requests',
      '2 of your pictures wait already. Try again in a moment.',
    ]);
    works.push(send('bob'));
    const all = await refusalOf(send('bob'));
    expect([all.code, all.message]).to.deep.equal([
      'unavailable',
      'Too many pictures wait. Try again in a moment.',
    ]);
    await end(works.length);
    await Promise.all(works);
  });

  it('refuses a work that has waited too long, and one whose signal aborts', async () => {
    const { begun, send, end, turn } = open({ waitMaxMs: 20 });
    const first = send('ada', 'first');
    const leaving = new AbortController();
    const left = rejection(send('bob', 'left', leaving.signal));
    const late = await refusalOf(send('eve', 'late'));
    expect(late.code).to.equal('unavailable');
    leaving.abort(new Error('gone'));
    await left;
    await turn();
    await end();
    const next = send('bob', 'next');
    await end();
    expect([await first, await next, begun]).to.deep.equal(['first', 'next', ['first', 'next']]);
  });

  it('goes on after a work that fails', async () => {
    const gate = createFairGate(options);
    const failed = rejection(gate(() => Promise.reject(new Error('broken'))));
    expect(await gate(() => Promise.resolve(1))).to.equal(1);
    expect(String(await failed)).to.equal('Error: broken');
  });
});
