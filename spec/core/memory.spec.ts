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

  it('is freed a minute after the last use, and two seconds after it where memory is short', async () => {
    const clock = createFakeClock();
    let isShort = false;
    world = await openWorld({ model: createScriptedModel([]), clock, isMemoryShort: () => isShort });
    await world.create();
    await world.create();
    expect(world.equipped).to.deep.equal({ opened: 2, closed: 0 });
    for (let second = 0; second < 20; second += 1) clock.advance(1000);
    await world.sessions.wake('none'); // a turn in which the jobs could have run
    expect(world.equipped).to.deep.equal({ opened: 2, closed: 0 });
    isShort = true;
    await waitFor(() => {
      clock.advance(1000);
      return world.equipped.closed === 2;
    });
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
