import { expect } from 'chai';
import type { Mark, Message, MessagePart } from '../../lib/core/message.ts';
import type { Store } from '../../lib/core/store.ts';
import { first, line, newSession } from '../support/stored.ts';
import { refusal } from '../support/refusal.ts';

/** What every store must do for messages that stand beside tasks, and for what becomes of them. */
export function storesMessages(store: () => Store, dump: () => Promise<string>): void {
  it('reads the log before a number, newest first', async () => {
    const session = newSession();
    await store().createSession(session, first);
    await store().append(session.id, 1, [line(2), line(3), line(4)]);
    expect(await store().readBack(session.id, Number.MAX_SAFE_INTEGER, 2)).to.deep.equal([line(4), line(3)]);
    expect(await store().readBack(session.id, 3, 10)).to.deep.equal([line(2), first]);
    expect(await store().readBack(session.id, 1, 10)).to.deep.equal([]);
  });

  it('reads a page of a log: so many lines, or those until they have so many bytes', async () => {
    const session = newSession();
    const long = (seq: number, text = 'é'.repeat(100_000)): Message => ({
      type: 'message_added',
      id: `m${seq}`,
      run: false,
      role: 'user',
      content: [{ type: 'text', text }],
      attachments: [],
      metadata: {},
      seq,
      time: 1,
    });
    await store().createSession(session, first);
    expect(await store().readPage(session.id, 0)).to.deep.equal({ lines: [first], hasMore: false });
    const lines = [first, ...Array.from({ length: 250 }, (_, at) => line(at + 2))];
    const longLines = [252, 253, 254, 255].map((seq) => long(seq));
    await store().append(session.id, 1, [...lines.slice(1), ...longLines]);
    expect(await store().readPage(session.id, 0)).to.deep.equal({
      lines: lines.slice(0, 200),
      hasMore: true,
    });
    // Two lines of 200 kB have more than 256 KiB: the second page ends with the second one.
    expect(await store().readPage(session.id, 200)).to.deep.equal({
      lines: [...lines.slice(200), ...longLines.slice(0, 2)],
      hasMore: true,
    });
    expect(await store().readPage(session.id, 254)).to.deep.equal({
      lines: longLines.slice(3),
      hasMore: false,
    });
    expect(await store().readPage(session.id, 255)).to.deep.equal({ lines: [], hasMore: false });
    await store().append(session.id, 1, [long(256, 'x'.repeat(1_000_000)), long(257)]);
    expect((await store().readPage(session.id, 255)).lines.map(({ seq }) => seq)).to.deep.equal([256]);
  });

  it('shows lines with the marks of later lines, and nothing of removed content', async () => {
    const session = newSession();
    await store().createSession(session, first);
    const said: Message = {
      type: 'message_added',
      id: 'm',
      run: false,
      role: 'user',
      content: [
        {
          type: 'text',
          text: 'said',
        },
      ],
      attachments: [],
      metadata: { a: '1' },
      seq: 2,
      time: 1,
    };
    const answer: Message = {
      type: 'model_reply',
      taskId: 't',
      text: 'answered',
      calls: [],
      seq: 3,
      time: 1,
      completion: {
        id: 'r',
        model: 'm',
        usage: {
          promptTokens: 1,
          completionTokens: 1,
          totalTokens: 2,
        },
      },
    };
    await store().append(session.id, 1, [said, answer]);
    const mark = (seq: number, of: number[], part: MessagePart, more: Mark): Message => ({
      type: 'message_marked',
      of,
      part,
      mark: more,
      seq,
      time: 1,
    });
    const [noted, other] = [mark(4, [2], 'said', { metadata: { b: '2' } }), mark(5, [3], 'said', {})];
    await store().append(session.id, 1, [noted, other]);
    expect((await store().read(session.id, 1, 2))[0]).to.deep.equal({
      ...said,
      marks: { said: { metadata: { b: '2' } } },
    });
    const gone = [mark(6, [2, 99], 'said', { removed: true }), mark(7, [3], 'answer', { removed: true })];
    await store().append(session.id, 1, gone);
    expect(await store().read(session.id, 1, 9)).to.deep.equal([
      {
        ...said,
        content: [],
        attachments: [],
        metadata: {},
        marks: {
          said: {
            metadata: { b: '2' },
            removed: true,
          },
        },
      },
      { ...answer, text: '', marks: { said: {}, answer: { removed: true } } },
      noted,
      other,
      ...gone,
    ]);
    expect(await dump()).to.contain('answered'); // the log keeps it
  });

  it('takes a message away in the commit that ends its task', async () => {
    const session = newSession();
    await store().createSession(session, first);
    const said: Message = {
      type: 'task_started',
      taskId: 'a',
      form: 'text',
      content: [],
      seq: 2,
      time: 1002,
    };
    await store().append(session.id, 1, [said]);
    const ended: Message = { type: 'task_ended', taskId: 'a', status: 'failed', seq: 3, time: 1003 };
    const mark: Message = {
      type: 'message_marked',
      of: [2],
      part: 'said',
      mark: { removed: true },
      seq: 4,
      time: 1003,
    };
    await store().append(session.id, 1, [ended, mark], { ended: 'a', status: 'failed' });
    expect(await store().read(session.id, 1, 10)).to.deep.equal([
      { ...said, marks: { said: { removed: true } } },
      ended,
      mark,
    ]);
  });

  it('seals the provider part of a model reply, and reads it back', async () => {
    const session = newSession();
    await store().createSession(session, first);
    const reply: Message = {
      type: 'model_reply',
      taskId: 'a',
      text: 'It is warm.',
      calls: [],
      completion: { id: 'r', model: 'm', usage: { promptTokens: 1, completionTokens: 1, totalTokens: 2 } },
      provider: { origin: 'http://endpoint m', data: { reasoning_content: 'thought-of-the-model' } },
      seq: 2,
      time: 1002,
    };
    await store().append(session.id, 1, [reply]);
    expect(await store().read(session.id, 1, 10)).to.deep.equal([reply]);
    expect(await dump()).to.not.contain('thought-of-the-model');
  });

  it("keeps what clients note about a session, and a control's line", async () => {
    const session = newSession({ attributes: { metadata: { a: 'b' } } });
    await store().createSession(session, first);
    expect(await store().attributes(session.id)).to.deep.equal({ metadata: { a: 'b' } });
    await store().setAttributes(session.id, { metadata: {} });
    expect(await store().attributes(session.id)).to.deep.equal({ metadata: {} });
    expect(await store().attributes('nobody')).to.deep.equal({});
    const note = { type: 'message_marked', of: [1], part: 'said', mark: { removed: true } } as const;
    const key = await store().addControl(session.id, { kind: 'note', line: { ...note, of: [1] } });
    expect(await store().listControls(session.id)).to.deep.equal([
      { key, control: { kind: 'note', line: note } },
    ]);
  });

  it('removes a session, with or without its epoch', async () => {
    const session = newSession();
    await store().createSession(session, first);
    expect(await refusal(store().removeSession(session.id, 7))).to.equal('conflict');
    await store().removeSession(session.id);
    expect(await store().findSession(session.id)).to.equal(undefined);
    expect(await refusal(store().append(session.id, 1, [line(2)]))).to.equal('conflict');
  });
}
