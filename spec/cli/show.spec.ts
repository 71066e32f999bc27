import { expect } from 'chai';
import type { Envelope } from '../../lib/cli/client.ts';
import { formatCall, formatEnvelope, liveWatcher } from '../../lib/cli/show.ts';

describe('formatEnvelope', () => {
  const line = (part: Partial<Envelope>, colors = false) =>
    formatEnvelope(
      {
        sessionId: 's',
        taskId: 't',
        from: 'agent',
        to: 'client',
        type: 'text',
        message: '',
        seq: 1,
        ...part,
      },
      colors,
    );

  it('shows sender, receiver and content', () => {
    expect([
      line({ message: '[TASK_START]' }),
      line({
        from: 'user',
        to: 'agent',
        type: 'contentList',
        message: [{ type: 'text', message: 'Light on' }],
      }),
      line({
        from: 'llm',
        to: 'agent',
        type: 'functionCallList',
        message: [
          { id: 'c1', name: 'switch_light', parameters: { power: 'on' } },
          { id: 'c2', name: 'odd', parameters: 'no JSON' },
        ],
      }),
      line({
        from: 'tool',
        to: 'agent',
        type: 'toolReturn',
        message: { id: 'c1', result: { statusCode: 200 } },
      }),
      line({ to: 'user', type: 'imageUrl', message: 'https://x.example/a.png' }),
      line({ message: '[TASK_STOP]', error: { code: 'model_error', message: 'the model is down' } }),
    ]).to.deep.equal([
      'AGENT → CLIENT [TASK_START]',
      'USER → AGENT   Light on',
      'LLM → AGENT    switch_light {"power":"on"}, odd "no JSON"',
      'TOOL → AGENT   {"statusCode":200}',
      'AGENT → USER   https://x.example/a.png',
      'AGENT → CLIENT [TASK_STOP] model_error: the model is down',
    ]);
  });

  it('shows each digit of the numbers in a body', () => {
    const message = {
      id: 'c1',
      result: { statusCode: 200, body: '{"serial":2512292042121000001,"on":true}' },
    };
    expect(line({ from: 'tool', to: 'agent', type: 'toolReturn', message })).to.equal(
      'TOOL → AGENT   {"statusCode":200,"body":{"serial":2512292042121000001,"on":true}}',
    );
  });

  it('cuts a very long content, and says so', () => {
    expect(line({ message: 'x'.repeat(700) })).to.equal(
      `AGENT → CLIENT ${'x'.repeat(600)}… (100 characters more)`,
    );
  });

  it('is coloured for a terminal', () => {
    expect(line({ message: '[TASK_START]' }, true)).to.equal(
      '\u001b[90mAGENT → CLIENT\u001b[39m [TASK_START]',
    );
  });
});

describe('formatCall', () => {
  it('shows a call and its result', () => {
    expect(formatCall({ name: 'pick', arguments: { quantity: 2 }, result: { ok: true } }, false)).to.equal(
      'pick {"quantity":2} → {"ok":true}',
    );
  });
});

describe('liveWatcher', () => {
  const base = { sessionId: 's', taskId: 't', seq: 1 };
  const call: Envelope = {
    ...base,
    from: 'llm',
    to: 'agent',
    type: 'functionCallList',
    message: [{ id: 'c1', name: 'pick', parameters: { quantity: 2 } }],
  };
  const result: Envelope = {
    ...base,
    from: 'tool',
    to: 'agent',
    type: 'toolReturn',
    message: { id: 'c1', result: { statusCode: 200 } },
  };
  const answer: Envelope = { ...base, from: 'agent', to: 'user', type: 'text', message: 'Two are picked.' };

  function shown(act: (watcher: ReturnType<typeof liveWatcher>) => void): string {
    let text = '';
    act(liveWatcher((piece) => (text += piece), false));
    return text;
  }

  it('shows calls, results and the answer in pieces, each on lines of their own', () => {
    expect(
      shown(({ chunk, envelope }) => {
        chunk?.('I will ');
        chunk?.('pick.');
        envelope?.(call);
        envelope?.(result);
        chunk?.('Two are');
        chunk?.(' picked.');
        envelope?.(answer);
      }),
    ).to.equal('I will pick.\n  pick {"quantity":2}\n  → {"statusCode":200}\nTwo are picked.\n');
  });

  it('shows the answer as a whole when it did not come in pieces', () => {
    expect(shown(({ envelope }) => envelope?.(answer))).to.equal('Two are picked.\n');
  });
});
