import { expect } from 'chai';
import type { JsonValue } from '../../lib/common/json.ts';
import type { ToolCall } from '../../lib/core/message.ts';
import { ModelError } from '../../lib/errors.ts';
import { tryParseReply } from '../../lib/models/parse-json.ts';
import { createReplyBuilder } from '../../lib/models/reply.ts';

type Wire = {
  index?: number;
  id?: string | null;
  function?: { name?: string | null; arguments?: JsonValue };
};

function callsOf(pieces: Wire[][], whole = false, tools?: string[]): ToolCall[] {
  const builder = createReplyBuilder('m', tools && { isTool: (name) => tools.includes(name) });
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

  const two: [title: string, pieces: Wire[][], names: string[], tools?: string[]][] = [
    [
      'index 0, no ids, one name',
      [
        [{ index: 0, function: { name: 'one', arguments: '{"x":1}' } }],
        [{ index: 0, function: { name: 'one', arguments: '{"x":2}' } }],
      ],
      ['one {"x":1}', 'one {"x":2}'],
    ],
    [
      'index 0, no ids, one call twice',
      [
        [{ index: 0, function: { name: 'one', arguments: '{"x":1}' } }],
        [{ index: 0, function: { name: 'one', arguments: '{"x":1}' } }],
      ],
      ['one {"x":1}', 'one {"x":1}'],
    ],
    [
      'index 0, no ids, objects',
      [
        [{ index: 0, function: { name: 'one', arguments: { x: 1 } } }],
        [{ index: 0, function: { name: 'two', arguments: { x: 2 } } }],
      ],
      ['one {"x":1}', 'two {"x":2}'],
    ],
    [
      'index 0, no ids, in one chunk',
      [
        [
          { index: 0, function: { name: 'one', arguments: '' } },
          { index: 0, function: { name: 'one', arguments: '' } },
          { index: 0, function: { name: 'two', arguments: '{"x":1}' } },
        ],
      ],
      ['one {}', 'one {}', 'two {"x":1}'],
    ],
    [
      'index 0, ids, no arguments',
      [
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '' } }],
        [{ index: 0, id: 'b', function: { name: 'two', arguments: '' } }],
      ],
      ['one {}', 'two {}'],
    ],
    [
      'index 0, no ids, no arguments: the offered names tell them apart',
      [[{ index: 0, function: { name: 'one' } }], [{ index: 0, function: { name: 'two' } }]],
      ['one {}', 'two {}'],
      ['one', 'two'],
    ],
    [
      'a name in pieces whose first piece is a tool, too',
      [[{ index: 0, function: { name: 'get' } }], [{ index: 0, function: { name: '_status' } }]],
      ['get_status {}'],
      ['get', 'get_status'],
    ],
    [
      'each followed by pieces with empty names',
      [
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '{"x"' } }],
        [{ index: 0, id: '', function: { name: '', arguments: ':1}' } }],
        [{ index: 0, id: 'b', function: { name: 'one', arguments: '' } }],
        [{ index: 0, id: null, function: { name: '', arguments: '{"x":2}' } }],
      ],
      ['one {"x":1}', 'one {"x":2}'],
    ],
    [
      'a whole call that comes again with the same id',
      [
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '{"x":1}' } }],
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '{"x":1}' } }],
      ],
      ['one {"x":1}'],
    ],
    [
      'the name again in a last, empty piece',
      [
        [{ index: 0, function: { name: 'one', arguments: '{"x":1}' } }],
        [{ index: 0, function: { name: 'one', arguments: '' } }],
      ],
      ['one {"x":1}'],
    ],
    [
      'an empty object first, the arguments after it',
      [
        [{ index: 0, id: 'a', function: { name: 'one', arguments: '{}' } }],
        [{ index: 0, function: { arguments: '{"x":' } }],
        [{ index: 0, function: { arguments: '1}' } }],
      ],
      ['one {"x":1}'],
    ],
    [
      'a second call in the middle of the first',
      [
        [{ function: { name: 'one', arguments: '{"x"' } }],
        [{ function: { name: 'two', arguments: '{"x":2}' } }],
      ],
      ['one "{\\"x\\""', 'two {"x":2}'],
    ],
  ];
  for (const [title, pieces, calls, tools] of two)
    it(`two calls stay two, and one stays one: ${title}`, () => {
      const found = callsOf(pieces, false, tools);
      expect(found.map(({ name, arguments: args }) => `${name} ${JSON.stringify(args)}`)).to.deep.equal(
        calls,
      );
      expect(new Set(found.map(({ callId }) => callId)).size).to.equal(calls.length);
    });

  it('with numbers that reading would change keep their text, digit by digit', () => {
    const text = '{"id":2512292042121000001}';
    const pieces = [text, JSON.stringify(text), '{"id":7}'].map((args, index) => [
      { index, id: `call_${index}`, function: { name: 'one', arguments: args } },
    ]);
    const calls = [
      call('call_0', 'one', text),
      call('call_1', 'one', text),
      call('call_2', 'one', { id: 7 }),
    ];
    expect(callsOf(pieces)).to.deep.equal(calls);
    expect(callsOf([pieces.flat()], true)).to.deep.equal(calls);
  });

  it('as objects with numbers that reading would change are texts, digit by digit', () => {
    const args = '{"id":2512292042121000001,"arguments":{"a":[-9007199254740993]}}';
    const reply = (text: string) =>
      `{"created":9007199254740993,"choices":[{"message":{"tool_calls":[{"id":"a","function":{"name":"one","arguments":${text}}}]}}]}`;
    const read = (text: string) => {
      const builder = createReplyBuilder('m');
      builder.add(tryParseReply(reply(text))!);
      return builder.build().calls;
    };
    expect([read(args), read(JSON.stringify(args)), read('{"id":7}')]).to.deep.equal([
      [call('a', 'one', args)],
      [call('a', 'one', args)],
      [call('a', 'one', { id: 7 })],
    ]);
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

  it('is the error that the endpoint reports, also where its address has no path', () => {
    const builder = createReplyBuilder('m', { origin: 'http://localhost:1234 llama' });
    expect(() => builder.add({ error: { message: 'out of memory on localhost:1234' } })).to.throw(
      /^the model endpoint reports: out of memory on (?!localhost)/,
    );
  });

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

  const reset = { id: 'a', function: { name: 'reset', arguments: '' } };
  for (const finish of ['length', 'max_tokens', 'MAX_TOKENS', 'model_length'])
    for (const key of ['message', 'delta'])
      it(`that is cut off (${finish}) makes none of its calls, in a ${key}`, () => {
        const text = { content: 'I reset it.', tool_calls: [{ ...reset, id: 'b' }, reset] };
        expect(() => build({ choices: [{ [key]: text, finish_reason: finish }] })).to.throw(
          ModelError,
          /none of them was made; raise maxTokens$/,
        );
      });

  for (const finish of ['error', 'insufficient_system_resource', 'abort'])
    it(`that its endpoint broke off (${finish}) makes none of its calls`, () => {
      expect(() =>
        build({ choices: [{ message: { tool_calls: [reset] }, finish_reason: finish }] }),
      ).to.throw(ModelError, `broke off its reply (finish_reason "${finish}")`);
    });

  for (const finish of ['tool_calls', 'stop', 'function_call', null])
    it(`that is complete (${finish}) calls with {} for empty arguments`, () => {
      const { calls } = build({ choices: [{ message: { tool_calls: [reset] }, finish_reason: finish }] });
      expect(calls).to.deep.equal([call('a', 'reset', {})]);
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
