import { expect } from 'chai';
import { memoryTools } from '../../lib/memory/memory-tools.ts';
import { applyObjectPatch } from '../../lib/common/merge-patch.ts';
import { openMemory } from '../../lib/memory/memory.ts';
import { systemClock } from '../../lib/common/clock.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';

describe('memory tools', () => {
  let database: Database;
  before(async () => {
    database = await connectDatabase({
      databaseUrl: 'sqlite::memory:',
      onError(error) {
        throw error;
      },
    });
  });
  after(() => database.close());

  it('read and change the documents of one user, and report faults', async () => {
    let count = 0;
    const clock = { ...systemClock, newId: () => `id-${(count += 1)}`, now: () => 0 };
    const memory = openMemory({ db: database.tables(), clock });
    const tools = memoryTools(memory);
    const call = (name: string, args = {}) => {
      const tool = tools.find((one) => one.name === name)!;
      return tool.call(args, {
        connection: { owner: 'ada' },
        signal: new AbortController().signal,
        timeoutMs: 1000,
      });
    };
    expect(tools.map(({ name, effect }) => `${effect} ${name}`)).to.deep.equal([
      'read memory_config_read',
      'write memory_config_update',
      'read memory_todo_list',
      'write memory_todo_add',
      'write memory_todo_update',
      'write memory_todo_remove',
    ]);
    expect(await call('memory_config_read')).to.deep.equal({ data: {}, version: 0 });
    const name = { data: { name: 'Ada' }, version: 1 };
    expect(await call('memory_config_update', { patch: { name: 'Ada' } })).to.deep.equal(name);
    await call('memory_todo_add', { task: 'Pay' });
    const paid = {
      id: 'id-1',
      task: 'Pay',
      trigger: null,
      completed: true,
      createdat: '1970-01-01T00:00:00.000Z',
      subtasks: [],
    };
    const updated = await call('memory_todo_update', { id: 'id-1', completed: true });
    expect(updated).to.deep.equal({ data: [paid], version: 2 });
    expect(await call('memory_todo_update', { id: 'id-9', completed: true })).to.deep.equal({
      error: { code: 'not_found', message: 'There is no item "id-9".', effect: 'none' },
    });
    expect(await call('memory_todo_remove', { id: 'id-1' })).to.deep.equal({ data: [], version: 3 });
    expect((await memory.config('bob')).data).to.deep.equal({});
  });

  it('patch as RFC 7396 says', () => {
    // Its own examples, where both are objects (appendix A).
    for (const [document, patch, result] of [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
      [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
      [{ a: 'b' }, { a: null }, {}],
      [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
      [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
      [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
      [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ] as const)
      expect(
        applyObjectPatch(JSON.parse(JSON.stringify(document)), JSON.parse(JSON.stringify(patch))),
      ).to.deep.equal(result);
  });
});
