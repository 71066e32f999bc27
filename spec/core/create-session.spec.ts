import { expect } from 'chai';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { plainConfig } from '../support/session-config.ts';
import { outcomeOf } from '../support/refusal.ts';
import { gate, openWorld, somebody, type World } from '../support/world.ts';

const ID = '3f0c8a5e-52c5-4c7e-9d4b-0a6f2f7a9b11';

describe('a session under an id of its caller', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld({ model: createScriptedModel([]) });
  });
  afterEach(async () => {
    await world.close();
    expect(world.errors).to.deep.equal([]);
  });
  const create = () => world.sessions.create(plainConfig, somebody, undefined, ID);

  it('is one session in memory, also for a request that looks for it while it is created', async () => {
    const committed = gate();
    const goOn = gate();
    const { createSession } = world.store;
    world.store.createSession = async (...args) => {
      const made = await createSession(...args);
      committed.open();
      await goOn.opened;
      return made;
    };
    const creating = create();
    await committed.opened;
    const early = world.sessions.find(ID, somebody);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    goOn.open();
    await creating;
    expect(await early).to.equal(await world.sessions.find(ID, somebody));
  });

  it('is created once by requests that come together; the others are refused and find it', async () => {
    const outcomes = await Promise.all([create(), create(), create()].map(outcomeOf));
    expect(outcomes.toSorted()).to.deep.equal(['conflict', 'conflict', 'nothing was thrown']);
    expect((await world.sessions.find(ID, somebody)).id).to.equal(ID);
  });

  it('is not known after its creation has failed, and can be created then', async () => {
    const { createSession } = world.store;
    world.store.createSession = () => Promise.reject(new Error('no database'));
    expect(await create().catch(String)).to.equal('Error: no database');
    world.store.createSession = createSession;
    expect(await world.sessions.exists(ID)).to.equal(false);
    expect(await create()).to.equal(ID);
  });
});
