import { expect } from 'chai';
import type { LogEnvelope } from '../../lib/console/talk/envelope.ts';
import { TurnLog } from '../../lib/console/talk/turn-log.ts';

describe('the turns of a conversation', () => {
  let seq = 0;
  let log: TurnLog;
  beforeEach(() => {
    seq = 0;
    log = new TurnLog();
  });

  /** The next envelope of task t1, each a second after the one before. */
  const next = (from: string, to: string, message: unknown, more: Partial<LogEnvelope> = {}): LogEnvelope => {
    seq += 1;
    const createTime = `2026-11-28T10:00:${String(seq).padStart(2, '0')}.000+0800`;
    return { taskId: 't1', from, to, type: 'text', message, createTime, seq, ...more };
  };
  const completions = { model: 'm', tokenUsage: { totalTokens: 7 } };
  const startedAt = Date.parse('2026-11-28T02:00:01Z');
  const begin = (): LogEnvelope[] => [
    next('agent', 'client', '[TASK_START]'),
    next('user', 'agent', 'Turn it on'),
    next('agent', 'llm', 'Turn it on'),
  ];
  const calls = [{ id: 'c1', name: 'switch', parameters: { on: true } }];
  const ask = (): LogEnvelope[] => [
    next('llm', 'agent', calls, { type: 'functionCallList', completions }),
    next('agent', 'tool', calls, { type: 'functionCallList' }),
    next('agent', 'client', '[TOOLS_START]'),
  ];
  const result = (value: object): LogEnvelope[] => [
    next('tool', 'agent', { id: 'c1', result: value }, { type: 'toolReturn' }),
    next('agent', 'llm', { id: 'c1', result: value }, { type: 'toolReturn' }),
  ];
  const take = (envelopes: readonly LogEnvelope[]): void =>
    envelopes.forEach((envelope) => log.take(envelope));

  it('hold the sentence, the steps with their times, and the answer', () => {
    take([
      ...begin(),
      ...ask(),
      ...result({ statusCode: 200 }),
      next('llm', 'agent', 'Done.', { completions }),
      next('agent', 'user', 'Done.'),
      next('agent', 'client', '[TASK_DONE]'),
    ]);
    expect(log.turns).to.deep.equal([
      {
        key: 't1',
        taskId: 't1',
        said: [{ type: 'text', message: 'Turn it on' }],
        steps: [
          { kind: 'round', model: 'm', tokens: 7, text: '', at: startedAt + 3000, ms: 2000 },
          {
            kind: 'call',
            ...calls[0],
            state: 'done',
            result: { statusCode: 200 },
            at: startedAt + 4000,
            ms: 2000,
          },
          { kind: 'round', model: 'm', tokens: 7, text: '', at: startedAt + 8000, ms: 2000 },
        ],
        answer: 'Done.',
        thinking: '',
        state: 'done',
        startedAt: startedAt + 1000,
        endedAt: startedAt + 10_000,
      },
    ]);
  });

  it('say of each call whether it failed, and whether it may have happened', () => {
    const stateAfter = (error?: object): unknown => {
      log = new TurnLog();
      seq = 0;
      take([...begin(), ...ask(), ...result(error ? { error } : {})]);
      const [turn] = log.turns;
      return turn?.steps.flatMap((step) => (step.kind === 'call' ? step.state : []));
    };
    expect(stateAfter()).to.deep.equal(['done']);
    expect(stateAfter({ code: 'ETIMEDOUT', effect: 'none' })).to.deep.equal(['failed']);
    expect(stateAfter({ code: 'outcome_unknown', effect: 'unknown' })).to.deep.equal(['unknown']);
  });

  it('grow with the pieces of the answer, and then hold the whole answer', () => {
    take(begin());
    for (const part of ['Do', 'ne']) log.takeLive({ type: 'chunk', taskId: 't1', part });
    expect(log.turns[0]?.answer).to.equal('Done');
    take([next('llm', 'agent', 'Done.', { completions }), next('agent', 'user', 'Done.')]);
    expect(log.turns[0]?.answer).to.equal('Done.');
  });

  it('have each envelope once, although the server sends some again after a reconnect', () => {
    const first = [...begin(), ...ask()];
    take(first);
    const before = structuredClone(log.turns);
    take(first);
    expect(log.turns).to.deep.equal(before);
    expect(log.lastSeq).to.equal(6);
  });

  it('show a message at once, and send it again until the server has it', () => {
    log.begin('t1', [{ type: 'text', message: 'Turn it on' }], 5);
    expect(log.unanswered().map(({ taskId, state }) => [taskId, state])).to.deep.equal([['t1', 'sending']]);
    take(begin());
    expect(log.unanswered()).to.deep.equal([]);
    expect(log.turns).to.have.length(1);
  });

  it('say why a message was not accepted', () => {
    log.begin('t1', [{ type: 'text', message: 'x' }], 5);
    log.takeLive({ type: 'error', taskId: 't1', code: 'task_rejected', message: 'A task is running.' });
    expect([log.turns[0]?.state, log.turns[0]?.error]).to.deep.equal([
      'rejected',
      { code: 'task_rejected', message: 'A task is running.' },
    ]);
  });

  it('end as stopped, or as failed with the reason', () => {
    take([...begin(), next('agent', 'client', '[TASK_STOP]')]);
    expect([log.turns[0]?.state, log.turns[0]?.error]).to.deep.equal(['stopped', undefined]);
    const error = { code: 'model_error', message: 'The model does not answer.' };
    take([next('agent', 'client', '[TASK_STOP]', { taskId: 't2', error })]);
    expect([log.turns[1]?.state, log.turns[1]?.error]).to.deep.equal(['failed', error]);
  });

  it('have messages of no task, and no turn for a stop when nothing ran', () => {
    const loose = { taskId: '' };
    take([next('user', 'agent', 'A note', loose), next('agent', 'client', '[TASK_STOP]', loose)]);
    expect(log.turns.map(({ said, state }) => [said, state])).to.deep.equal([
      [[{ type: 'text', message: 'A note' }], 'done'],
    ]);
  });
});
