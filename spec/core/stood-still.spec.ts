import { expect } from 'chai';
import { freeCommand } from '../../lib/core/command.ts';
import { failed } from '../../lib/core/tool.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { fakeTool, openWorld, outline, say, watch, type World } from '../support/world.ts';

const LEASE_MS = 10_000;

describe('a write that is permitted', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  it('may leave for half a lease after its permit, or after the last look for stops, and is known as not sent then', async () => {
    const clock = createFakeClock();
    let knownAt = 0;
    const seen: (boolean | undefined)[] = [];
    const set = fakeTool('set', 'write', (_args, { mayLeave }) => {
      const ask = (): void => void seen.push(mayLeave?.());
      ask();
      clock.advance(LEASE_MS / 2 - 1);
      ask();
      clock.advance(1);
      ask();
      knownAt = clock.monotonicNow();
      ask();
      clock.advance(LEASE_MS / 2);
      ask();
      return failed('not_sent', 'It stood still.', 'none');
    });
    const get = fakeTool('get', 'read', (_args, { mayLeave }) => ({ isAsked: mayLeave !== undefined }));
    const calls = [
      { name: 'set', arguments: { to: 1 } },
      { name: 'get', arguments: {} },
    ];
    world = await openWorld({
      model: createScriptedModel([{ calls }, { text: 'done' }]),
      tools: [set, get],
      command: { ...freeCommand, stopsKnownAt: () => knownAt },
      leaseMs: LEASE_MS,
      limits: { taskTimeoutMs: 10 * LEASE_MS },
      clock,
    });
    const session = await world.create({ toolStrategy: 'serial' });
    const watcher = watch(session);
    await session.submit(say('move'));
    await watcher.tasksEnded(1);
    expect(seen).to.deep.equal([true, true, false, true, false]);
    expect(outline(watcher.seen)).to.deep.equal([
      'user move',
      'calls set,get',
      'result {"error":{"code":"not_sent","message":"It stood still.","effect":"none"}}',
      'result {"isAsked":false} done',
      'answer done',
      'ended done',
    ]);
    expect(world.errors).to.deep.equal([]);
  });
});
