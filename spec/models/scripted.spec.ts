import { expect } from 'chai';
import { ModelError } from '../../lib/errors.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { ask, askStreamed, rejection, sentence } from '../support/model-asking.ts';

describe('the scripted model', () => {
  it('takes one step for each request, and notes the requests', async () => {
    const model = createScriptedModel([
      {
        calls: [
          { name: 'a', arguments: { x: 1 } },
          { name: 'b', arguments: 'no json', callId: 'mine' },
        ],
        text: 'Well.',
      },
      ({ messages }) => ({ text: `${messages.length} lines` }),
      { error: 'overloaded', status: 529 },
    ]);
    const messages = [...sentence('one').messages];
    const first = await ask(model, { messages, tools: [] });
    messages.push({ role: 'assistant', text: first.text, calls: [] });
    expect(first).to.deep.equal({
      text: 'Well.',
      calls: [
        { callId: 'call_1', name: 'a', arguments: { x: 1 } },
        { callId: 'mine', name: 'b', arguments: 'no json' },
      ],
      completion: {
        id: 'scripted-1',
        model: 'scripted',
        usage: { promptTokens: 100, completionTokens: 20, totalTokens: 120 },
      },
    });
    const second = await askStreamed(model, { messages, tools: [] });
    expect(second.deltas).to.deep.equal(['2 ', 'lines']);
    expect(await rejection(ask(model))).to.include({
      name: 'ModelError',
      message: 'overloaded',
      status: 529,
    });
    expect(model.requests.map((request) => request.messages.length)).to.deep.equal([1, 2, 1]);
    model.expectDone();
  });

  it('fails when it is asked too often', async () => {
    const model = createScriptedModel([]);
    expect(await rejection(ask(model))).to.be.instanceOf(ModelError);
    expect(() => model.expectDone()).to.throw('asked 1 times, the script has 0 steps');
  });

  it('fails when steps are left over', () => {
    expect(() => createScriptedModel([{ text: 'x' }]).expectDone()).to.throw(
      'asked 0 times, the script has 1 steps',
    );
  });
});
