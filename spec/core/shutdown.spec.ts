import { expect } from 'chai';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { fakeTool, gate, historyOf, openWorld, outline, say, watch } from '../support/world.ts';

describe('a node that shuts down', () => {
  it('awaits a call that has left and appends its result, then ends the subscriptions', async () => {
    const device = gate();
    const sent = gate();
    const set = fakeTool('set', 'write', async () => {
      sent.open();
      await device.opened;
      return { ok: true };
    });
    const model = createScriptedModel([{ calls: [{ name: 'set', arguments: {} }] }]);
    const world = await openWorld({ model, tools: [set] });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('move'));
    await sent.opened;
    const closed = world.sessions.close();
    await new Promise((resolve) => setImmediate(resolve));
    const refused: unknown = await session.submit(say('more')).catch((error: unknown) => error);
    expect(String(refused)).to.equal('AppError: The server is going away; connect again.');
    device.open();
    await closed;
    expect(outline(watcher.seen)).to.deep.equal(['user move', 'calls set', 'result {"ok":true}']);
    expect(watcher.ended).to.equal('draining');
    await world.close();
    expect(world.errors).to.deep.equal([]);
  });

  it('waits for a call no longer than the time-out, and appends nothing of it later', async () => {
    const device = gate();
    const sent = gate();
    const set = fakeTool('set', 'write', async () => {
      sent.open();
      await device.opened;
      return { ok: true };
    });
    const model = createScriptedModel([{ calls: [{ name: 'set', arguments: {} }] }]);
    const world = await openWorld({ model, tools: [set], limits: { shutdownTimeoutMs: 30 } });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('move'));
    await sent.opened;
    await world.sessions.close();
    device.open();
    expect(outline(await historyOf(session))).to.deep.equal(['started', 'user move', 'calls set']);
    expect(watcher.ended).to.equal('draining');
    await world.close();
    expect(world.errors).to.deep.equal([]);
  });
});
