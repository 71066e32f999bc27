import { expect } from 'chai';
import type { JsonValue } from '../../lib/common/json.ts';
import type { ToolCall } from '../../lib/core/message.ts';
import { createReplyBuilder } from '../../lib/models/reply.ts';

type Wire = {
  index?: number;
  id?: string | null;
  function?: { name?: string | null; arguments?: JsonValue };
};

function callsOf(pieces: Wire[][], whole = false): ToolCall[] {
  const builder = createReplyBuilder('m');
  for (const tool_calls of pieces) {
    const message = { tool_calls: tool_calls as unknown as JsonValue };
    builder.add({ choices: [whole ? { message } : { delta: message }] });
  }
  return builder.build().calls;
}
const call = (callId: string, name: string, args: JsonValue): ToolCall => ({ callId, name, arguments: args });

describe('tool calls in pieces', () => {
  const table: [title: string, pieces: Wire[][], calls: ToolCall[]][] = [
    [
      'interleaved by index',
      [
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '' } }],
        [{ index: 1, id: 'b', function: { name: 'two', arguments: '{"x"' } }],
        [{ index: 0, function: { arguments: '{"y":' } }],
        [
          { index: 1, function: { arguments: ':1}' } },
          { index: 0, function: { arguments: '2}' } },
        ],
      ],
      [call('a', 'one', { y: 2 }), call('b', 'two', { x: 1 })],
    ],
    [
      'without an index, each whole',
      [
        [{ id: 'a', function: { name: 'one', arguments: '{}' } }],
        [{ id: 'b', function: { name: 'one', arguments: '{"x":1}' } }],
      ],
      [call('a', 'one', {}), call('b', 'one', { x: 1 })],
    ],
    [
      'without an index, in pieces after the id',
      [
        [{ id: 'a', function: { name: 'one', arguments: '{"x"' } }],
        [{ function: { arguments: ':1}' } }],
        [{ id: 'b', function: { name: 'two', arguments: '{' } }],
        [{ id: 'b', function: { arguments: '}' } }],
      ],
      [call('a', 'one', { x: 1 }), call('b', 'two', {})],
    ],
    [
      'index 0 for every call',
      [
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '{"x":1}' } }],
        [{ index: 0, id: 'b', function: { name: 'one', arguments: '{"x":2}' } }],
      ],
      [call('a', 'one', { x: 1 }), call('b', 'one', { x: 2 })],
    ],
    [
      'the whole name again with every piece',
      [
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '{"x"' } }],
        [{ index: 0, id: 'a', function: { name: 'one', arguments: ':1}' } }],
      ],
      [call('a', 'one', { x: 1 })],
    ],
    [
      'a fresh id and the whole name with every piece',
      [
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '{"x"' } }],
        [{ index: 0, id: 'b', function: { name: 'one', arguments: ':1}' } }],
      ],
      [call('a', 'one', { x: 1 })],
    ],
    [
      'a name in pieces, the id late',
      [
        [{ index: 0, function: { name: 'get_' } }],
        [{ index: 0, id: 'a', function: { name: 'status' } }],
        [{ index: 0, function: { name: null, arguments: '{}' } }],
      ],
      [call('a', 'get_status', {})],
    ],
    [
      'arguments that are an object already',
      [[{ index: 0, id: 'a', function: { name: 'one', arguments: { x: 1 } } }]],
      [call('a', 'one', { x: 1 })],
    ],
    ['no arguments at all', [[{ index: 0, id: 'a', function: { name: 'one' } }]], [call('a', 'one', {})]],
    [
      'null for arguments',
      [[{ index: 0, id: 'a', function: { name: 'one', arguments: 'null' } }]],
      [call('a', 'one', {})],
    ],
    [
      'arguments encoded twice',
      [[{ index: 0, id: 'a', function: { name: 'one', arguments: '"{\\"x\\":1}"' } }]],
      [call('a', 'one', { x: 1 })],
    ],
    [
      'arguments that are no JSON: the text',
      [[{ index: 0, id: 'a', function: { name: 'one', arguments: '{"x":' } }]],
      [call('a', 'one', '{"x":')],
    ],
    [
      'arguments that are a list: as they are',
      [[{ index: 0, id: 'a', function: { name: 'one', arguments: '[1]' } }]],
      [call('a', 'one', [1])],
    ],
    [
      'padding without name and arguments: nothing',
      [[{ index: 0, id: '', function: { name: '', arguments: '' } }]],
      [],
    ],
  ];
  for (const [title, pieces, calls] of table)
    it(title, () => {
      expect(callsOf(pieces)).to.deep.equal(calls);
    });

  it('without ids: each gets one', () => {
    const calls = callsOf([
      [{ function: { name: 'one', arguments: '{"x":1}' } }],
      [{ function: { name: 'one', arguments: '{"x":2}' } }],
    ]);
    expect(calls.map(({ arguments: args }) => args)).to.deep.equal([{ x: 1 }, { x: 2 }]);
    expect(new Set(calls.map(({ callId }) => callId)).size).to.equal(2);
    for (const { callId } of calls) expect(callId).to.match(/^call_[0-9a-f]{24}$/);
  });

  it('with one id twice in a whole message: the second gets its own', () => {
    const twice = { id: 'a', function: { name: 'one', arguments: '{}' } };
    const calls = callsOf([[twice, twice]], true);
    expect(calls.map(({ callId }) => callId === 'a')).to.deep.equal([true, false]);
  });

  it('that are no objects are an error', () => {
    const builder = createReplyBuilder('m');
    expect(() => builder.add({ choices: [{ delta: { tool_calls: ['x'] } }] })).to.throw(
      'a malformed tool call',
    );
  });
});

describe('a reply', () => {
  const build = (...messages: JsonValue[]) => {
    const builder = createReplyBuilder('asked-for');
    const added = messages.map((message) => builder.add(message));
    return { ...builder.build(), added };
  };

  it('takes the old form of a call', () => {
    const { calls } = build({
      choices: [{ message: { content: null, function_call: { name: 'one', arguments: '{"x":1}' } } }],
    });
    expect(calls.map(({ name, arguments: args }) => [name, args])).to.deep.equal([['one', { x: 1 }]]);
  });

  it('takes the new form where both are sent', () => {
    const fn = { name: 'one', arguments: '{}' };
    const { calls } = build({
      choices: [{ message: { tool_calls: [{ id: 'a', function: fn }], function_call: fn } }],
    });
    expect(calls).to.deep.equal([call('a', 'one', {})]);
  });

  it("leaves out a model's thoughts", () => {
    const { text } = build(
      { choices: [{ delta: { reasoning_content: 'hm' } }] },
      {
        choices: [
          {
            delta: {
              content: [
                { type: 'thinking', thinking: [] },
                { type: 'text', text: 'Yes.' },
              ],
            },
          },
        ],
      },
    );
    expect(text).to.equal('Yes.');
  });

  it('gives a refusal as the answer', () => {
    expect(build({ choices: [{ message: { content: null, refusal: 'I cannot.' } }] }).text).to.equal(
      'I cannot.',
    );
  });

  it('says where a text was cut off', () => {
    const { text, added } = build(
      { choices: [{ delta: { content: 'Half a' } }] },
      { choices: [{ delta: {}, finish_reason: 'length' }] },
    );
    expect(text).to.equal('Half a\n[cut off at maxTokens]');
    expect(added).to.deep.equal(['Half a', '']);
  });

  it('may be empty: a model that has nothing to add', () => {
    expect(build({ choices: [{ message: { content: null }, finish_reason: 'stop' }] })).to.include({
      text: '',
    });
  });

  it('takes the last usage, and counts the sum where none is given', () => {
    const { completion } = build(
      {
        id: 'r1',
        model: 'm-2',
        choices: [{ delta: {} }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      },
      { choices: [], usage: { prompt_tokens: 10, completion_tokens: 5 } },
    );
    expect(completion).to.deep.equal({
      id: 'r1',
      model: 'm-2',
      usage: { promptTokens: 10, completionTokens: 5, totalTokens: 15 },
    });
  });

  it('names the model that was asked for where the endpoint names none, and no tokens where it gives none', () => {
    expect(build({ choices: [{ message: {} }], usage: { prompt_tokens: 'x' } }).completion).to.deep.equal({
      id: '',
      model: 'asked-for',
      usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
    });
  });
});
