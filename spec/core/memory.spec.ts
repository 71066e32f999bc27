import { expect } from 'chai';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import type { Framing } from '../../lib/core/transcript.ts';
import { keptConfigOf } from '../../lib/core/session-config.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { plainConfig } from '../support/session-config.ts';
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

  it('has no document of a session that is watched: its tools are opened with the texts of the store', async () => {
    const clock = createFakeClock();
    const opened: JsonObject[][] = [];
    world = await openWorld({
      model: createScriptedModel([{ text: 'one' }]),
      clock,
      equip: ({ documents }) => {
        opened.push(documents);
        return {};
      },
    });
    const openSpec = {
      openapi: '3.0.0',
      info: { title: 'Lamp', version: '1' },
      paths: {},
      'x-id': 2n ** 63n,
    };
    const session = await world.create({ documents: [{ openSpec, server: 'http://127.0.0.1:1' }] });
    const watcher = watch(session);
    await waitFor(() => {
      clock.advance(1000);
      return world.equipped.closed === 1;
    });
    await session.submit(say('a'));
    await watcher.tasksEnded(1);
    const text =
      '{"openapi":"3.0.0","info":{"title":"Lamp","version":"1"},"paths":{},"x-id":9223372036854775808}';
    const documents = [{ openSpec: text, server: 'http://127.0.0.1:1' }];
    expect(opened).to.deep.equal([documents, documents]);
    expect(session.config).to.deep.equal(keptConfigOf({ ...plainConfig, documents }));
    expect(await session.wholeConfig()).to.deep.equal({ ...plainConfig, documents });
  });

  it('holds no tools of a watched session that was just created, once it is idle', async () => {
    const clock = createFakeClock();
    const parts: WeakRef<Framing>[] = [];
    world = await openWorld({
      model: createScriptedModel([]),
      clock,
      equip: () => {
        const framing = { system: 'of these tools' };
        parts.push(new WeakRef(framing));
        return { framing };
      },
    });
    watch(await world.create());
    await waitFor(() => {
      clock.advance(1000);
      return world.equipped.closed === 1;
    });
    await waitFor(() => {
      collectGarbage();
      return parts.every((part) => part.deref() === undefined);
    });
    expect(parts).to.have.length(1);
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
