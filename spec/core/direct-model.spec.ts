import { expect } from 'chai';
import { directContent, directModel } from '../../lib/core/direct-model.ts';
import type { ModelMessage } from '../../lib/core/model.ts';

const said: ModelMessage = {
  role: 'user',
  content: directContent([1, 2, 3].map((to) => ({ name: 'set', arguments: { to } }))),
};
const made = (number: number): ModelMessage[] => [
  {
    role: 'assistant',
    text: '',
    calls: [{ callId: `call_${number}`, name: 'set', arguments: { to: number } }],
  },
  { role: 'tool', callId: `call_${number}`, result: {} },
];
const decide = async (messages: ModelMessage[]) => {
  const { text, calls } = await directModel.reply(
    { messages, tools: [] },
    { signal: new AbortController().signal },
  );
  return [text, calls.map(({ callId, arguments: args }) => [callId, args])];
};

describe('the model of direct calls', () => {
  it('decides on one call after the other, and ends', async () => {
    expect(await decide([said])).to.deep.equal(['', [['call_1', { to: 1 }]]]);
    expect(await decide([said, ...made(1)])).to.deep.equal(['', [['call_2', { to: 2 }]]]);
    expect(await decide([said, ...made(1), ...made(2), ...made(3)])).to.deep.equal(['Done.', []]);
  });

  it('repeats no call when the calls before the last one have left the view', async () => {
    expect(await decide([said, ...made(2)])).to.deep.equal(['', [['call_3', { to: 3 }]]]);
    expect(await decide([said, ...made(3)])).to.deep.equal(['Done.', []]);
  });

  it('looks at the calls of its own message only', async () => {
    expect(await decide([said, ...made(1), said])).to.deep.equal(['', [['call_1', { to: 1 }]]]);
  });
});
