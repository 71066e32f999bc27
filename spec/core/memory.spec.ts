import { expect } from 'chai';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { waitFor } from '../support/wait-for.ts';
import { openWorld, outline, say, watch, type World } from '../support/world.ts';

describe('the memory of sessions', () => {
  let world: World;
  afterEach(async () => {
    await world.close();
    expect(world.errors).to.deep.equal([]);
  });

  for (const [how, isShort, seconds] of [
    ['a minute after its last use', false, 60],
    ['two seconds after its last use where memory is short', true, 2],
  ] as const)
    it(`is freed ${how}`, async () => {
      const clock = createFakeClock();
      world = await openWorld({ model: createScriptedModel([]), clock, isMemoryShort: () => isShort });
      await world.create();
      await world.create();
      let passed = 0;
      await waitFor(() => {
        clock.advance(500);
        passed += 0.5;
        return world.equipped.closed === 2;
      });
      expect(passed).to.be.at.least(seconds);
      expect(world.equipped).to.deep.equal({ opened: 2, closed: 2 });
    });

  it('is not taken from a session that works, and an idle one works again', async () => {
    const clock = createFakeClock();
    const model = createScriptedModel([{ text: 'one' }, { text: 'two' }]);
    world = await openWorld({ model, clock, isMemoryShort: () => true });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('a'));
    await watcher.tasksEnded(1);
    await waitFor(() => {
      clock.advance(1000);
      return world.equipped.closed === 1;
    });
    await session.submit(say('b'));
    await watcher.tasksEnded(2);
    expect(outline(watcher.seen).filter((line) => line.startsWith('answer'))).to.deep.equal([
      'answer one',
      'answer two',
    ]);
    expect(world.equipped.opened).to.equal(2);
  });
});
