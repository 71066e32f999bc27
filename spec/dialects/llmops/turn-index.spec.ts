import { expect } from 'chai';
import type { Message, MessageBody } from '../../../lib/core/message.ts';
import type { Session } from '../../../lib/core/session.ts';
import { turnsOf } from '../../../lib/core/turns.ts';
import { createTurnIndexes } from '../../../lib/dialects/llmops/turn-index.ts';

const usage = { promptTokens: 1, completionTokens: 1, totalTokens: 2 };

/** A session whose log is a list, and that counts the lines that were read. */
function createLoggedSession() {
  const log: Message[] = [];
  let linesRead = 0;
  const append = (...bodies: MessageBody[]): void => {
    for (const body of bodies) log.push({ ...body, seq: log.length + 1, time: 1000 * (log.length + 1) });
  };
  const session = {
    id: 'c',
    createdAt: 1,
    async read(from: { after: number }, limit: number) {
      const lines = log.filter(({ seq }) => seq > from.after).slice(0, limit);
      linesRead += lines.length;
      return lines;
    },
  } as unknown as Session;
  append({ type: 'session_started', systemPrompt: '' });
  return {
    session,
    log,
    append,
    /** A turn of three lines; two of them for one that is stopped before its answer. */
    turn(taskId: string, status: 'done' | 'stopped' = 'done') {
      append({ type: 'task_started', taskId, form: 'text', content: [{ type: 'text', text: taskId }] });
      const completion = { id: '1', model: 'm', usage };
      if (status === 'done')
        append({ type: 'model_reply', taskId, text: `${taskId}!`, calls: [], completion });
      append({ type: 'task_ended', taskId, status });
    },
    countRead() {
      const count = linesRead;
      linesRead = 0;
      return count;
    },
  };
}

describe('the index of turns', () => {
  it('reads the log once, and for a page no more than the lines of its turns', async () => {
    const { session, turn, countRead } = createLoggedSession();
    for (let number = 0; number < 400; number += 1) turn(`t${number}`);
    const index = createTurnIndexes()(session);
    const first = await index.page(Infinity, 0, 20);
    expect(first.total).to.equal(400);
    expect(first.turns.map(({ taskId, answer }) => [taskId, answer]).slice(0, 2)).to.deep.equal([
      ['t399', 't399!'],
      ['t398', 't398!'],
    ]);
    expect(countRead()).to.equal(1 + 3 * 400 + 3 * 20);
    const second = await index.page(Infinity, 20, 20);
    expect(second.turns[0]?.taskId).to.equal('t379');
    expect(countRead()).to.equal(3 * 20);
    turn('t400');
    expect((await index.page(Infinity, 0, 1)).turns[0]?.taskId).to.equal('t400');
    expect(countRead()).to.equal(3 + 3);
  });

  it('shows the same turns as the whole log, after stops, removals and a clear', async () => {
    const { session, turn, append, log } = createLoggedSession();
    const index = createTurnIndexes()(session);
    turn('a');
    turn('b', 'stopped');
    turn('c');
    expect((await index.page(Infinity, 0, 9)).turns).to.deep.equal(
      turnsOf(log)
        .filter(({ status }) => status === 'done')
        .toReversed(),
    );
    append({ type: 'message_marked', of: [2], part: 'said', mark: { removed: true } });
    expect((await index.page(Infinity, 0, 9)).turns.map(({ taskId }) => taskId)).to.deep.equal(['c']);
    expect((await index.page(2000, 0, 9)).total).to.equal(0);
    append({ type: 'session_started', systemPrompt: '' });
    turn('d');
    expect((await index.page(Infinity, 0, 9)).turns.map(({ taskId }) => taskId)).to.deep.equal(['d']);
    expect(await index.find('a')).to.equal(undefined);
    expect((await index.find('d'))?.said).to.equal('d');
  });

  it('counts a line once when two pages are asked for at a time', async () => {
    const { session, turn } = createLoggedSession();
    turn('a');
    const index = createTurnIndexes()(session);
    const pages = await Promise.all([index.page(Infinity, 0, 9), index.page(Infinity, 0, 9)]);
    expect(pages.map(({ total }) => total)).to.deep.equal([1, 1]);
  });

  it('begins anew when old lines were deleted', async () => {
    const { session, turn, log } = createLoggedSession();
    turn('a');
    turn('b');
    const index = createTurnIndexes()(session);
    await index.page(Infinity, 0, 9);
    log.splice(1, 3);
    expect((await index.page(Infinity, 0, 9)).turns.map(({ taskId }) => taskId)).to.deep.equal(['b']);
  });
});
