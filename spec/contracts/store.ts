import { expect } from 'chai';
import type { Message } from '../../lib/core/message.ts';
import type { Outcome, Store } from '../../lib/core/store.ts';
import { first, line, newSession, task } from '../support/stored.ts';
import { refusal } from '../support/refusal.ts';
import { storesMessages } from './store-messages.ts';

/** What every store must do; `open` gives a migrated, empty-enough store, `dump` all that it has written as text. */
export function describeStore(
  name: string,
  open: () => Promise<{ store: Store; dump(): Promise<string> }>,
): void {
  describe(`the ${name} store`, () => {
    let store: Store;
    let dump: () => Promise<string>;
    before(async () => {
      ({ store, dump } = await open());
    });
    after(() => store.close());

    it('finds a session as it was stored, and nothing for an unknown id', async () => {
      const session = newSession({ expiresAt: 5000 });
      await store.createSession(session, first);
      expect(await store.findSession(session.id)).to.deep.equal({ ...session, lastSeq: 1 });
      expect(await store.read(session.id, 0, 10)).to.deep.equal([first]);
      expect(await store.findSession('nobody')).to.equal(undefined);
      expect(await store.claim('nobody')).to.equal(undefined);
    });

    it('counts the sessions of an owner', async () => {
      const session = newSession();
      await store.createSession(session, first);
      await store.createSession(newSession({ owner: session.owner }), first);
      const { count, bytes } = await store.countSessions(session.owner);
      expect([count, bytes > 100]).to.deep.equal([2, true]);
      expect(await store.countSessions('nobody')).to.deep.equal({ count: 0, bytes: 0 });
    });

    it('keeps no secret of a configuration readable', async () => {
      await store.createSession(newSession(), first);
      const text = await dump();
      expect(text).to.contain('You are helpful.'); // the log is readable: the dump does show what is written
      expect(text).to.not.contain('canary');
    });

    it('reads the log after a number, in order, as many lines as asked for', async () => {
      const session = newSession();
      await store.createSession(session, first);
      await Promise.all([
        store.append(session.id, 1, [line(2), line(3)]),
        store.append(session.id, 1, [line(4)]),
      ]);
      expect(await store.read(session.id, 0, 10)).to.deep.equal([first, line(2), line(3), line(4)]);
      expect(await store.read(session.id, 2, 1)).to.deep.equal([line(3)]);
      expect(await store.read(session.id, 4, 10)).to.deep.equal([]);
    });

    it('refuses a taken number, and keeps the other writes of the tick', async () => {
      const session = newSession();
      const other = newSession();
      await store.createSession(session, first);
      await store.createSession(other, first);
      const [taken, fine] = await Promise.allSettled([
        store.append(session.id, 1, [line(1)]),
        store.append(other.id, 1, [line(2)]),
      ]);
      expect([taken.status, fine.status]).to.deep.equal(['rejected', 'fulfilled']);
      expect(await store.read(session.id, 0, 10)).to.deep.equal([first]);
      expect(await store.read(other.id, 0, 10)).to.deep.equal([first, line(2)]);
    });

    it('leaves no gap in a log: after a line that could not be written it refuses lines until the next claim', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const [failed, same] = await Promise.allSettled([
        store.append(session.id, 1, [line(2), line(1)]),
        store.append(session.id, 1, [line(3)]),
      ]);
      expect([failed.status, same.status]).to.deep.equal(['rejected', 'rejected']);
      expect(await refusal(store.append(session.id, 1, [line(3)]))).to.equal('conflict');
      expect(await store.read(session.id, 0, 10)).to.deep.equal([first]);
      await store.claim(session.id);
      await store.append(session.id, 2, [line(2)]);
      expect(await store.read(session.id, 1, 10)).to.deep.equal([line(2)]);
    });

    storesMessages(
      () => store,
      () => dump(),
    );

    it('takes many appends of one tick', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const lines = Array.from({ length: 350 }, (_, index) => line(index + 2));
      await Promise.all(lines.map((one) => store.append(session.id, 1, [one])));
      expect(await store.read(session.id, 1, 1000)).to.deep.equal(lines);
    });

    it('lets only the newest claim write', async () => {
      const session = newSession();
      await store.createSession(session, first);
      await store.enqueue(session.id, task('open'), false);
      const standing = await store.claim(session.id);
      expect(standing).to.deep.equal({ epoch: 2, lastSeq: 1, lastTime: 1000 });
      const end = { ended: 'open', status: 'done' } as const;
      expect(await refusal(store.append(session.id, 1, [line(2)], end))).to.equal('conflict');
      const entry = { seq: 2, callId: 'c', taskId: 'open', tool: 't', arguments: {} };
      expect(await refusal(store.permit(session.id, 1, entry))).to.equal('conflict');
      expect(await refusal(store.clear(session.id, 1, { ...first, seq: 2 }))).to.equal('conflict');
      expect(await store.read(session.id, 0, 10)).to.deep.equal([first]);
      expect(await store.listOpenTasks(session.id)).to.deep.equal([task('open')]);
      await store.claim(session.id);
      await store.append(session.id, 3, [line(2)], end);
      expect(await store.claim(session.id)).to.deep.equal({
        epoch: 4,
        lastSeq: 2,
        lastTime: 1002,
      });
    });

    it('recognises a task by its id, and a task with another content', async () => {
      const session = newSession();
      await store.createSession(session, first);
      expect(
        await Promise.all([
          store.enqueue(session.id, task('a'), false),
          store.enqueue(session.id, task('a'), false),
        ]),
      ).to.deep.equal(['new', 'same']);
      expect(await store.enqueue(session.id, task('a', 'other'), false)).to.equal('conflict');
      await store.append(session.id, 1, [line(2)], { ended: 'a', status: 'stopped' });
      expect(await store.enqueue(session.id, task('a'), false)).to.equal('same');
    });

    it('writes a task with its first line, or neither', async () => {
      const session = newSession();
      await store.createSession(session, first);
      await store.append(session.id, 1, [line(2)], { began: task('a') });
      expect(await store.listOpenTasks(session.id)).to.deep.equal([task('a')]);
      expect(await store.enqueue(session.id, task('a'), false)).to.equal('same');
      expect(await refusal(store.append(session.id, 0, [line(3)], { began: task('b') }))).to.equal(
        'conflict',
      );
      expect(await store.listOpenTasks(session.id)).to.deep.equal([task('a')]);
      await store.append(session.id, 1, [line(3)], { ended: 'a', status: 'done' });
      expect(await store.listOpenTasks(session.id)).to.deep.equal([]);
    });

    it('lists open tasks in the order of arrival, and the sessions that have some', async () => {
      const session = newSession();
      await store.createSession(session, first);
      for (const id of ['z', 'b', 'a']) await store.enqueue(session.id, task(id), false);
      await store.append(session.id, 1, [line(2)], { ended: 'b', status: 'failed' });
      expect(await store.listOpenTasks(session.id)).to.deep.equal([task('z'), task('a')]);
    });

    it('lists open tasks without those that are known, and many large ones in order', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const tasks = Array.from({ length: 120 }, (_, index) =>
        task(`t${index}`, index % 40 === 0 ? 'x'.repeat(700_000) : 'x'),
      );
      for (const one of tasks) await store.enqueue(session.id, one, false);
      expect(await store.listOpenTasks(session.id)).to.deep.equal(tasks);
      const isKnown = (taskId: string): boolean => taskId !== 't3' && taskId !== 't40';
      expect(await store.listOpenTasks(session.id, isKnown)).to.deep.equal([tasks[3], tasks[40]]);
    });

    it('measures the open tasks of a session', async () => {
      const session = newSession();
      await store.createSession(session, first);
      expect(await store.measureQueue(session.id)).to.deep.equal({ count: 0, bytes: 0 });
      await store.enqueue(session.id, task('a', 'ä'.repeat(10)), false);
      const one = await store.measureQueue(session.id);
      await store.enqueue(session.id, task('b', 'ä'.repeat(500_010)), false);
      const two = await store.measureQueue(session.id);
      expect([one.count, two.count, two.bytes - 2 * one.bytes]).to.deep.equal([1, 2, 1_000_000]);
      expect(
        await Promise.all(['a', 'c'].map((taskId) => store.isTaskOpen(session.id, taskId))),
      ).to.deep.equal([true, false]);
      await store.append(session.id, 1, [line(2)], { ended: 'b', status: 'stopped' });
      expect(await store.measureQueue(session.id)).to.deep.equal(one);
      expect(await store.isTaskOpen(session.id, 'b')).to.equal(false);
    });

    it('remembers which open tasks were told to stop', async () => {
      const session = newSession();
      await store.createSession(session, first);
      for (const id of ['a', 'b', 'c']) await store.enqueue(session.id, task(id), false);
      await store.markStopping(session.id, 1, ['a', 'c'], 'stop');
      await store.markStopping(session.id, 1, [], 'stop');
      await store.append(session.id, 1, [line(2)], { ended: 'a', status: 'stopped' });
      expect(await store.listOpenTasks(session.id)).to.deep.equal([
        task('b'),
        { ...task('c'), stopping: 'stop' },
      ]);
      await store.claim(session.id);
      expect(await refusal(store.markStopping(session.id, 1, ['b'], 'stop'))).to.equal('conflict');
    });

    it('answers a ping', async () => {
      expect(await store.ping()).to.equal(undefined);
    });

    it('accepts a task that must be alone only when no other is open', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const both = await Promise.all(['a', 'b'].map((id) => store.enqueue(session.id, task(id), true)));
      expect(both).to.deep.equal(['new', 'busy']);
      expect(await store.enqueue(session.id, task('a'), true)).to.equal('same');
      expect(await store.enqueue(session.id, task('a', 'other'), true)).to.equal('conflict');
      await store.append(session.id, 1, [line(2)], { ended: 'a', status: 'done' });
      expect(await store.enqueue(session.id, task('b'), true)).to.equal('new');
    });

    it('keeps requests to the owner, in order, until they are handled', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const stop = await store.addControl(session.id, { kind: 'stop', taskId: 'a' });
      const clear = await store.addControl(session.id, { kind: 'clear' });
      await store.addControl(session.id, { kind: 'stop' });
      const asked = await store.listControls(session.id);
      expect(asked.map(({ control }) => control)).to.deep.equal([
        { kind: 'stop', taskId: 'a' },
        { kind: 'clear' },
        { kind: 'stop' },
      ]);
      await store.removeControl(session.id, stop);
      expect([
        await store.isControlHandled(session.id, stop),
        await store.isControlHandled(session.id, clear),
      ]).to.deep.equal([true, false]);
      expect((await store.listControls(session.id)).map(({ key }) => key))
        .to.include(clear)
        .and.not.include(stop);
    });

    it('tells the last number of logs, without removed sessions', async () => {
      const session = newSession();
      await store.createSession(session, first);
      await store.append(session.id, 1, [line(2)]);
      expect(await store.lastSeqs([session.id, 'nobody'])).to.deep.equal(new Map([[session.id, 2]]));
      expect(await store.lastSeqs([])).to.deep.equal(new Map());
      const many = Array.from({ length: 70_000 }, (_, index) => `nobody-${index}`); // more than a statement may name
      expect(await store.lastSeqs([...many, session.id])).to.deep.equal(new Map([[session.id, 2]]));
    });

    it('renews the leases of sessions that it still owns', async () => {
      const session = newSession();
      const { epoch } = await store.createSession(session, first);
      expect(await store.renew(new Map([[session.id, epoch]]))).to.deep.equal(new Set([session.id]));
      const many = new Map(Array.from({ length: 70_000 }, (_, index) => [`nobody-${index}`, 1]));
      expect(await store.renew(many.set(session.id, epoch))).to.include(session.id);
      await store.release(session.id, epoch);
      expect(await store.claim(session.id)).to.deep.include({ epoch: epoch + 1 });
    });

    it('permits a call once', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const entry = { seq: 5, callId: 'call_1', taskId: 'task', tool: 'set', arguments: { to: 5 } };
      const permits = await Promise.all(Array.from({ length: 5 }, () => store.permit(session.id, 1, entry)));
      expect(permits.filter((permission) => permission === 'given')).to.have.length(1);
      await store.settle(session.id, entry, 'done');
      expect(await store.permit(session.id, 1, entry)).to.equal('given_before');
      expect(await store.permit(session.id, 1, { ...entry, seq: 6 })).to.equal('given');
    });

    it('keeps the first outcome of a call, and only a known one takes the place of one that is not', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const written: Outcome[] = [];
      for (const [seq, outcomes] of [
        [5, ['unknown', 'unknown', 'done', 'unknown', 'done']],
        [6, ['done', 'unknown', 'none']],
      ] as const) {
        const entry = { seq, callId: 'call_1', taskId: 'task', tool: 'set', arguments: { to: 5 } };
        await store.permit(session.id, 1, entry);
        for (const outcome of outcomes)
          await store.settle(session.id, entry, outcome, () => Promise.resolve(void written.push(outcome)));
      }
      expect(written).to.deep.equal(['unknown', 'done', 'done']);
    });

    it('permits a call again when it was surely not sent', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const entry = { seq: 5, callId: 'call_1', taskId: 'task', tool: 'set', arguments: { to: 5 } };
      const permit = () => store.permit(session.id, 1, entry);
      const given = [await permit()];
      await store.settle(session.id, entry, 'none');
      given.push(await permit(), await permit());
      await store.settle(session.id, entry, 'unknown');
      given.push(await permit());
      expect(given).to.deep.equal(['given', 'given', 'given_before', 'given_before']);
    });

    it('keeps the first answer to a question, and takes none after its time', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const ask = async (id: string, callId: string, expiresAt: number) => {
        const shown = { id, name: 'set', parameters: {}, expiresAt };
        const question = {
          ...shown,
          kind: 'approval',
          device: 'd',
          risk: 'normal',
          rule: '',
          approvers: 'owner',
        } as const;
        const asked = { seq: 2, callId, taskId: 'task', question, digest: 'x' };
        await store.append(session.id, 1, [], { asked });
        return asked;
      };
      const approve = { kind: 'decision', decision: 'approve', by: 'ann' } as const;
      const key = `${session.id}-open`;
      const asked = await ask(key, 'a', Date.now() + 60_000);
      expect(await store.findQuestion(session.id, { seq: 2, callId: 'a' })).to.deep.equal({
        ...asked,
        isOpen: true,
      });
      const both = await Promise.all(
        ['ann', 'bob'].map((by) => store.answer(session.id, key, { ...approve, by })),
      );
      expect(both).to.deep.equal(['taken', { late: approve }]);
      expect(await store.readAnswers([key])).to.deep.equal(new Map([[key, approve]]));
      await store.append(session.id, 1, [], { closed: key });
      const late = `${session.id}-late`;
      await ask(late, 'b', Date.now() - 1);
      expect(await store.answer(session.id, late, approve)).to.deep.equal({
        late: { kind: 'expired' },
      });
      expect(await store.answer(session.id, late, { kind: 'result', result: {} })).to.equal(undefined);
      const dropped = `${session.id}-dropped`;
      await ask(dropped, 'c', Date.now() + 60_000);
      await store.append(session.id, 1, [], { ended: 'task', status: 'stopped', hasAsked: true });
      expect(await store.answer(session.id, dropped, approve)).to.deep.equal({
        late: { kind: 'stopped' },
      });
      expect(await store.answer('another', dropped, approve)).to.equal(undefined);
    });

    it('refuses permits while an emergency stop holds', async () => {
      const session = newSession();
      await store.createSession(session, first);
      const entry = { seq: 5, callId: 'call_1', taskId: 'task', tool: 'set', arguments: {} };
      const scope = `session:${session.id}` as const;
      const stop = await store.engageEstop(scope, 'ann', 'smoke');
      expect((await store.listEstops()).filter(({ id }) => id === stop.id)).to.deep.equal([
        { id: stop.id, scope, by: 'ann', at: stop.at, reason: 'smoke' },
      ]);
      expect(await store.permit(session.id, 1, entry)).to.have.nested.property('refused.error.code', 'estop');
      expect(await store.isPermitted(session.id, entry)).to.equal(false);
      expect(await store.releaseEstops(scope, 'root', 'over')).to.equal(1);
      expect(await store.permit(session.id, 1, entry)).to.equal('given');
      expect(await store.isPermitted(session.id, entry)).to.equal(true);
    });

    it('empties a log down to its new first line, and keeps the journal', async () => {
      const session = newSession();
      await store.createSession(session, first);
      await store.append(session.id, 1, [line(2), line(3)]);
      const entry = { seq: 2, callId: 'call_1', taskId: 'task', tool: 'set', arguments: {} };
      await store.permit(session.id, 1, entry);
      await store.clear(session.id, 1, { ...first, seq: 4 });
      expect(await store.read(session.id, 0, 10)).to.deep.equal([{ ...first, seq: 4 }]);
      expect(await store.permit(session.id, 1, entry)).to.equal('given_before');
    });

    describe('removes what is older than a time', () => {
      const end = (seq: number, taskId: string): Message => ({
        type: 'task_ended',
        taskId,
        status: 'done',
        seq,
        time: 1000 + seq,
      });

      /** Everything, also of other tests: the sessions found idle. */
      async function pruneAll(before: number): Promise<string[]> {
        const idle: string[] = [];
        for (let after: string | undefined = ''; after !== undefined;) {
          const pruned = await store.prune(before, after);
          idle.push(...pruned.idle);
          after = pruned.next;
        }
        for (let after: string | undefined = ''; after !== undefined;)
          after = await store.pruneJournal(before, after);
        return idle;
      }

      it('whole tasks of the log; the first line stays and no number is used again', async () => {
        const session = newSession();
        await store.createSession(session, first);
        const lines = [line(2, 'a'), line(3, 'b'), end(4, 'a'), end(5, 'b'), line(6, 'c'), end(7, 'c')];
        await store.append(session.id, 1, lines);
        expect(await pruneAll(1005)).to.not.include(session.id);
        expect(await store.read(session.id, 0, 10)).to.deep.equal([first, ...lines]); // b has not ended by then
        await pruneAll(1006);
        await pruneAll(1006);
        expect(await store.read(session.id, 0, 10)).to.deep.equal([
          { ...first, seq: 5, time: 1005 },
          line(6, 'c'),
          end(7, 'c'),
        ]);
        expect(await store.claim(session.id)).to.deep.include({ lastSeq: 7 });
      });

      it('a long log in several steps', async () => {
        const session = newSession();
        await store.createSession(session, first);
        const lines = Array.from({ length: 1300 }, (_, index) => {
          const seq = index * 2 + 2;
          return [line(seq, `t${index}`), end(seq + 1, `t${index}`)];
        }).flat();
        await store.append(session.id, 1, lines);
        await pruneAll(1000 + 2501);
        const left = await store.read(session.id, 0, 1000);
        expect(left[0]).to.deep.equal({ ...first, seq: 2499, time: 3499 });
        expect(left).to.have.length(2601 - 2498);
      });

      it('tasks that have ended, and journal rows, but none of an open task', async () => {
        const session = newSession();
        await store.createSession(session, first);
        for (const id of ['ended', 'open']) await store.enqueue(session.id, task(id), false);
        await store.append(session.id, 1, [line(2)], { ended: 'ended', status: 'done' });
        const call = (taskId: string) => ({ seq: 2, callId: taskId, taskId, tool: 'set', arguments: {} });
        for (const id of ['ended', 'open']) await store.permit(session.id, 1, call(id));
        expect(await pruneAll(Date.now() + 1000)).to.not.include(session.id);
        expect(await store.listOpenTasks(session.id)).to.deep.equal([task('open')]);
        expect(await store.permit(session.id, 1, call('open'))).to.equal('given_before');
        expect(await store.permit(session.id, 1, call('ended'))).to.equal('given');
      });

      it('and finds sessions that nobody used since then', async () => {
        const session = newSession();
        await store.createSession(session, first);
        expect(await pruneAll(1000)).to.not.include(session.id);
        expect(await pruneAll(1001)).to.include(session.id);
        expect(await store.read(session.id, 0, 10)).to.deep.equal([first]);
      });
    });

    it('finds expired sessions, until they are postponed or removed', async () => {
      const session = newSession({ expiresAt: 10 });
      const lasting = newSession({ expiresAt: null });
      await store.createSession(session, first);
      await store.createSession(lasting, first);
      expect(await store.findExpired(9, 100)).to.not.include(session.id);
      expect(await store.findExpired(10, 100)).to.include(session.id);
      await store.setExpiry(session.id, 20);
      expect(await store.findExpired(10, 100)).to.not.include(session.id);
      await store.removeSession(session.id, 1);
      expect(await store.findExpired(30, 100)).to.not.include(session.id);
      expect(await store.findSession(session.id)).to.equal(undefined);
      expect(await store.read(session.id, 0, 10)).to.deep.equal([]);
      expect(await store.findSession(lasting.id)).to.deep.equal({ ...lasting, lastSeq: 1 });
    });
  });
}
