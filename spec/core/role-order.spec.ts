import { expect } from 'chai';
import fc from 'fast-check';
import type { MessageBody, TaskStatus } from '../../lib/core/message.ts';
import type { ModelMessage } from '../../lib/core/model.ts';
import { inStrictOrder } from '../../lib/core/role-order.ts';
import { Transcript } from '../../lib/core/transcript.ts';
import { strictFaults } from '../support/strict-order.ts';

const user = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });
const assistant = (text: string, ...callIds: string[]): ModelMessage => ({
  role: 'assistant',
  text,
  calls: callIds.map((callId) => ({ callId, name: 'get', arguments: {} })),
});
const result = (callId: string): ModelMessage => ({ role: 'tool', callId, result: {} });
const missing = user('(no message)');

describe('the order of roles that strict endpoints ask for', () => {
  it('makes one line of lines of one role in a row, and leaves out empty ones', () => {
    expect(
      inStrictOrder([user('a'), user('b'), assistant(''), assistant('c'), assistant('d'), user('e')]),
    ).to.deep.equal([user('a\n\nb'), assistant('c\n\nd'), user('e')]);
  });

  it('keeps each decision with its results', () => {
    const lines = [
      user('a'),
      assistant('', '1'),
      result('1'),
      assistant('', '2'),
      result('2'),
      assistant('b'),
    ];
    expect(inStrictOrder(lines)).to.deep.equal(lines);
  });

  it('puts a user line before an assistant that follows none', () => {
    expect(inStrictOrder([{ role: 'system', text: 's' }, assistant('hello'), user('a')])).to.deep.equal([
      { role: 'system', text: 's' },
      missing,
      assistant('hello'),
      user('a'),
    ]);
  });
});

/** Something that happens in a session; `pick` chooses among the tasks that it may happen to. */
type Happening =
  | { kind: 'start' | 'note' | 'clear' | 'announce' | 'answer' | 'result'; pick: number }
  | { kind: 'calls'; pick: number; count: number }
  | { kind: 'end'; pick: number; status: TaskStatus }
  | { kind: 'remove'; pick: number; part: 'said' | 'answer' };

const pick = fc.nat(1000);
const kinds = <Kind extends string>(...names: Kind[]) => fc.record({ kind: fc.constantFrom(...names), pick });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: kinds('start', 'answer', 'result', 'result') },
  { weight: 1, arbitrary: kinds('note', 'announce', 'clear') },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('calls' as const),
      pick,
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      pick,
      status: fc.constantFrom<TaskStatus>('stopped', 'failed', 'done'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('remove' as const),
      pick,
      part: fc.constantFrom('said' as const, 'answer' as const),
    }),
  },
);

interface RunningTask {
  id: string;
  open: string[];
}

/** A session that takes one happening after the other, as far as it may happen in a log. */
class RandomSession {
  readonly transcript = new Transcript();
  readonly running: RunningTask[] = [];
  #seq = 0;
  #ids = 0;
  #announced: string[] = [];

  constructor() {
    this.#append({ type: 'session_started', systemPrompt: 'Be kind.' });
  }

  take(one: Happening): void {
    const task = this.running[one.pick % Math.max(1, this.running.length)];
    switch (one.kind) {
      case 'start':
        return this.#start();
      case 'note':
        return this.#say(false, one.pick % 2 === 0 ? 'user' : 'assistant');
      case 'announce':
        return this.#say(true, 'user');
      case 'clear':
        return one.pick % 10 === 0 ? this.#clear() : undefined;
      case 'remove':
        return this.#append({
          type: 'message_marked',
          of: [1 + (one.pick % this.#seq)],
          part: one.part,
          mark: { removed: true },
        });
      case 'calls':
        return task?.open.length === 0 ? this.#reply(task, one.count) : undefined;
      case 'answer':
        return task?.open.length === 0 ? this.#answer(task) : undefined;
      case 'result':
        return task ? this.#result(task) : undefined;
      case 'end':
        return task && one.status !== 'done' ? this.#end(task, one.status) : undefined;
    }
  }

  #clear(): void {
    while (this.running.length > 0) this.#end(this.running[0]!, 'stopped');
    this.#announced = [];
    this.#append({ type: 'session_started', systemPrompt: 'Be kind.' });
  }

  #append(body: MessageBody): void {
    this.transcript.add({ ...body, seq: (this.#seq += 1), time: 0 });
  }

  #newId(): string {
    return `id-${(this.#ids += 1)}`;
  }

  #start(): void {
    const announced = this.#announced.shift();
    const id = announced ?? this.#newId();
    const content = announced === undefined ? [{ type: 'text' as const, text: id }] : [];
    this.#append({
      type: 'task_started',
      taskId: id,
      form: 'text',
      content,
      ...(announced !== undefined && { added: true }),
    });
    this.running.push({ id, open: [] });
  }

  #say(run: boolean, role: 'user' | 'assistant'): void {
    const id = this.#newId();
    if (run) this.#announced.push(id);
    const content = [{ type: 'text' as const, text: id }];
    this.#append({ type: 'message_added', id, run, role, content, attachments: [], metadata: {} });
  }

  #reply(task: RunningTask, count: number): void {
    task.open = Array.from({ length: count }, () => this.#newId());
    const calls = task.open.map((callId) => ({ callId, name: 'get', arguments: {} }));
    this.#append({ type: 'model_reply', taskId: task.id, text: '', calls, completion });
  }

  #result(task: RunningTask): void {
    const callId = task.open.shift();
    if (callId === undefined) return;
    const roundDone = task.open.length === 0;
    this.#append({ type: 'tool_result', taskId: task.id, callId, result: { ok: true }, roundDone });
  }

  #answer(task: RunningTask): void {
    this.#append({ type: 'model_reply', taskId: task.id, text: 'done', calls: [], completion });
    this.#end(task, 'done');
  }

  #end(task: RunningTask, status: TaskStatus): void {
    this.#append({ type: 'task_ended', taskId: task.id, status });
    this.running.splice(this.running.indexOf(task), 1);
  }
}

const completion = { id: 'r', model: 'm', usage: { promptTokens: 1, completionTokens: 1, totalTokens: 2 } };

describe('the conversation that a model is shown', () => {
  it('keeps the strictest rules, whatever tasks, stops, failures and removals came before', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 60 }),
        fc.integer({ min: 1, max: 2000 }),
        (happenings, budget) => {
          const session = new RandomSession();
          for (const one of happenings) {
            session.take(one);
            for (const { id } of session.running)
              for (const tokens of [Infinity, budget])
                expect(strictFaults(session.transcript.view(id, tokens))).to.deep.equal([]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is found to break them when it does', () => {
    expect(strictFaults([user('a'), user('b')])).to.deep.equal(['line 1 (user) follows a user']);
    expect(strictFaults([user('a'), assistant('', '1'), user('b')])).to.deep.equal([
      'line 2 (user) comes before the results of 1',
      'line 2 (user) follows a user',
      'the calls 1 have no result',
    ]);
    expect(strictFaults([assistant('a')])).to.deep.equal([
      'line 0 (assistant) follows no user and no result',
    ]);
    expect(strictFaults([user('a'), assistant(' ')])).to.deep.equal(['line 1 (assistant) is empty']);
    expect(strictFaults([user('a'), assistant('', '1')])).to.deep.equal(['the calls 1 have no result']);
  });
});
