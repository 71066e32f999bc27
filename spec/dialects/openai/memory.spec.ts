import { expect } from 'chai';
import { openThreadServer, type Answer, type Caller, type ThreadServer } from '../../support/threads.ts';

interface Document {
  object: string;
  data: unknown;
  version: number;
  updated_at: number | null;
}
interface Item {
  id: string | number;
  createdat: string;
}

describe('the memory', () => {
  let server: ThreadServer;
  let ada: Caller;
  let bob: Caller;
  before(async () => {
    server = await openThreadServer();
    ada = await server.caller('ada');
    bob = await server.caller('bob');
  });
  after(() => server.close());

  const config = (method: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> =>
    ada.call(method, '/v1/memory/config', body, headers);
  const todo = (method: string, body?: unknown, query = ''): Promise<Answer> =>
    ada.call(method, `/v1/memory/todo${query}`, body);
  const itemsOf = ({ body }: Answer): Item[] => (body as { data: Item[] }).data;

  it('of the configuration is empty at first, patched, guarded by its version, and forgotten', async () => {
    expect((await config('GET')).body).to.deep.equal({
      object: 'memory.config',
      data: {},
      version: 0,
      updated_at: null,
    });
    await config('POST', { name: 'Ada', home: { city: 'London', lamps: 3 }, tags: ['a'] });
    const patched = await config('POST', { home: { lamps: null, floor: 2 }, tags: ['b'], name: null });
    const { updated_at: at, ...rest } = patched.body as Document;
    expect(rest).to.deep.equal({
      object: 'memory.config',
      data: { home: { city: 'London', floor: 2 }, tags: ['b'] },
      version: 2,
    });
    expect(at).to.be.within(Date.now() / 1000 - 60, Date.now() / 1000);
    expect((await config('GET')).body).to.deep.equal(patched.body);
    expect((await config('GET')).headers.get('etag')).to.equal('"2"');
    const late = await config('POST', { x: 1 }, { 'if-match': '1' });
    expect([late.status, (late.body as { error: { code: string } }).error.code]).to.deep.equal([
      412,
      'precondition_failed',
    ]);
    expect((await config('POST', { x: 1 }, { 'if-match': '"2"' })).status).to.equal(200);
    expect((await config('POST', { x: 2 }, { 'if-match': 'two' })).status).to.equal(400);
    expect((await config('POST', [])).status).to.equal(400);
    expect((await config('POST', { big: 'x'.repeat(300_000) })).status).to.equal(400);
    expect((await config('DELETE', undefined, { 'if-match': '2' })).status).to.equal(412);
    expect((await config('DELETE')).body).to.deep.equal({ object: 'memory.config.deleted', deleted: true });
    expect(((await config('GET')).body as Document).data).to.deep.equal({});
    expect(((await config('GET')).body as Document).version).to.equal(4);
  });

  it('of the itinerary adds, changes, replaces and removes items', async () => {
    const added = await todo('POST', { task: 'Water the plants', trigger: 'Monday' });
    const [plants] = itemsOf(added);
    expect(plants).to.deep.equal({
      id: plants!.id,
      task: 'Water the plants',
      trigger: 'Monday',
      completed: false,
      createdat: plants!.createdat,
      subtasks: [],
    });
    expect(Date.parse(plants!.createdat)).to.be.within(Date.now() - 60_000, Date.now());
    const subtasks = [
      { subtaskname: 'Fill the can', sequence: 1, completed: false, reminder: '9:00' },
      { subtaskname: 'Carry it', sequence: 'A1', completed: false, reminder: null },
    ];
    await todo('POST', { id: 'own-id', task: 'Pay', subtasks });
    const changed = await todo('POST', { id: plants!.id, completed: true });
    expect(itemsOf(changed)).to.deep.equal([
      { ...plants, completed: true },
      {
        id: 'own-id',
        task: 'Pay',
        trigger: null,
        completed: false,
        createdat: itemsOf(changed)[1]!.createdat,
        subtasks,
      },
    ]);
    expect((await todo('GET')).body).to.deep.equal(changed.body);
    expect((await todo('DELETE', undefined, '?id=nobody')).status).to.equal(404);
    expect((await todo('DELETE', undefined, `?id=${plants!.id}`)).body).to.deep.equal({
      object: 'memory.todo.deleted',
      deleted: true,
    });
    expect(itemsOf(await todo('GET')).map(({ id }) => id)).to.deep.equal(['own-id']);
    const replaced = await todo('POST', { items: [{ id: 1, task: 'a' }, { task: 'b' }] });
    expect(itemsOf(replaced).map(({ id }) => typeof id)).to.deep.equal(['number', 'string']);
    const twice = await todo('POST', { items: [{ id: 1, task: 'a' }, { id: 2 }, { id: '1', task: 'b' }] });
    expect([twice.status, (twice.body as { error: object }).error]).to.deep.equal([
      400,
      {
        message: 'Two items have one id: give each item an id of its own.',
        type: 'invalid_request_error',
        param: 'items.2.id',
        code: 'invalid_request',
      },
    ]);
    expect((await todo('GET')).body).to.deep.equal(replaced.body);
    expect((await todo('POST', {})).status).to.equal(400);
    expect((await todo('POST', { task: 'x', subtasks: 'none' })).status).to.equal(400);
    await todo('DELETE');
    expect(itemsOf(await todo('GET'))).to.deep.equal([]);
  });

  it("is each user's own, and loses no change of writers at once", async () => {
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => bob.call('POST', '/v1/memory/config', { [`k${n}`]: n })),
    );
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => bob.call('POST', '/v1/memory/todo', { task: `t${n}` })),
    );
    const kept = (await bob.call('GET', '/v1/memory/config')).body as Document;
    expect([Object.keys(kept.data as object).length, kept.version]).to.deep.equal([10, 10]);
    expect(itemsOf(await bob.call('GET', '/v1/memory/todo'))).to.have.length(10);
    expect((await config('GET')).body)
      .to.have.nested.property('data')
      .that.does.not.have.property('k1');
    expect((await server.call('GET', '/v1/memory/todo')).status).to.equal(401);
  });
});
