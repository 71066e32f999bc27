import { expect } from 'chai';
import { CallOrder } from '../../lib/core/call-order.ts';
import type { Effect } from '../../lib/core/tool.ts';
import { gate } from '../support/world.ts';

/** Calls whose ends a spec decides; `events` tells when each starts and ends. */
function openCalls(order: CallOrder) {
  const events: string[] = [];
  const gates = new Map<string, ReturnType<typeof gate>>();
  return {
    events,
    call(name: string, device: string | undefined, effect: Effect): Promise<void> {
      const end = gate();
      gates.set(name, end);
      return order.run(device, effect, async () => {
        events.push(`${name} starts`);
        await end.opened;
        events.push(`${name} ends`);
      });
    },
    /** Ends a call, and lets everything run that can run now. */
    async end(name: string): Promise<void> {
      gates.get(name)?.open();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('the order of the calls of one reply', () => {
  it('is that of the reply where one of two calls to a device is a write, and reads in a row run at once', async () => {
    const { events, call, end } = openCalls(new CallOrder('parallel'));
    const calls = [
      call('read 1', 'lamp', 'read'),
      call('read 2', 'lamp', 'read'),
      call('write', 'lamp', 'write'),
      call('read 3', 'lamp', 'read'),
      call('read 4', 'lamp', 'read'),
    ];
    await end('nothing');
    expect(events).to.deep.equal(['read 1 starts', 'read 2 starts']);
    await end('read 1');
    await end('read 2');
    await end('write');
    await end('read 4');
    await end('read 3');
    await Promise.all(calls);
    expect(events).to.deep.equal([
      'read 1 starts',
      'read 2 starts',
      'read 1 ends',
      'read 2 ends',
      'write starts',
      'write ends',
      'read 3 starts',
      'read 4 starts',
      'read 4 ends',
      'read 3 ends',
    ]);
  });

  it('does not make one device wait for another, nor a call without a device for any', async () => {
    const { events, call, end } = openCalls(new CallOrder('parallel'));
    const calls = [
      call('lamp', 'lamp', 'write'),
      call('pump', 'pump', 'write'),
      call('memory', undefined, 'write'),
      call('agent', undefined, 'write'),
    ];
    expect(events).to.deep.equal(['lamp starts', 'pump starts', 'memory starts', 'agent starts']);
    for (const name of ['lamp', 'pump', 'memory', 'agent']) await end(name);
    await Promise.all(calls);
  });

  it('is strictly one after the other with the strategy serial, whichever device', async () => {
    const { events, call, end } = openCalls(new CallOrder('serial'));
    const calls = [call('lamp', 'lamp', 'read'), call('pump', 'pump', 'read')];
    await end('pump');
    expect(events).to.deep.equal(['lamp starts']);
    await end('lamp');
    await Promise.all(calls);
    expect(events).to.deep.equal(['lamp starts', 'lamp ends', 'pump starts', 'pump ends']);
  });

  it('goes on after a call that fails', async () => {
    const order = new CallOrder('parallel');
    const failing = order.run('lamp', 'write', () => Promise.reject(new Error('it fails')));
    const next = order.run('lamp', 'read', () => Promise.resolve('read'));
    expect(await failing.catch(String)).to.equal('Error: it fails');
    expect(await next).to.equal('read');
  });
});
