import { expect } from 'chai';
import type { ModelMessage, ToolOffer } from '../../lib/core/model.ts';
import { encodeRequest } from '../../lib/models/encode.ts';

const wire = (messages: ModelMessage[], tools: ToolOffer[] = []): unknown =>
  JSON.parse(encodeRequest({ messages, tools }, { model: 'm' }));
const messagesOf = (...messages: ModelMessage[]) => (wire(messages) as { messages: unknown[] }).messages;
const calling = (name: string, args: never): ModelMessage => ({
  role: 'assistant',
  text: '',
  calls: [{ callId: 'c', name, arguments: args }],
});

describe('a conversation as chat completions take it', () => {
  it('has every kind of line in its form', () => {
    expect(
      wire(
        [
          { role: 'system', text: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image', url: 'data:image/png;base64,AA==' },
            ],
          },
          {
            role: 'assistant',
            text: 'I look.',
            calls: [{ callId: 'c1', name: 'look', arguments: { at: 1 } }],
          },
          { role: 'tool', callId: 'c1', result: { statusCode: 200, body: '"ok"' } },
          { role: 'assistant', text: 'A dot.', calls: [] },
        ],
        [{ name: 'look', description: 'Look.', parameters: { type: 'object' } }],
      ),
    ).to.deep.equal({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
          ],
        },
        {
          role: 'assistant',
          content: 'I look.',
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: '{"statusCode":200,"body":"\\"ok\\""}' },
        { role: 'assistant', content: 'A dot.' },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'look', description: 'Look.', parameters: { type: 'object' } },
        },
      ],
    });
  });

  it('has the system message first, from any place in the list', () => {
    expect(
      messagesOf({ role: 'user', content: [{ type: 'text', text: 'Hi' }] }, { role: 'system', text: 'S' }),
    ).to.deep.equal([
      { role: 'system', content: 'S' },
      { role: 'user', content: 'Hi' },
    ]);
  });

  it('leaves out empty messages, but never a user’s', () => {
    expect(
      messagesOf(
        { role: 'system', text: '' },
        { role: 'user', content: [{ type: 'text', text: ' ' }] },
        { role: 'assistant', text: '', calls: [] },
        {
          role: 'user',
          content: [
            { type: 'text', text: '' },
            { type: 'text', text: 'Hi' },
          ],
        },
      ),
    ).to.deep.equal([
      { role: 'user', content: '(empty message)' },
      { role: 'user', content: 'Hi' },
    ]);
  });

  it('gives a past call back with every digit of its numbers, in the form of its first time', () => {
    const args = '{"id":12345678901234567890,"deep":[-9007199254740993]}';
    const [message] = messagesOf(calling('set', args as never));
    expect(message).to.deep.equal({
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'set', arguments: args } }],
    });
  });

  const broken: [title: string, name: string, args: unknown, sent: { name: string; arguments: string }][] = [
    ['no JSON', 'set', '{"a":', { name: 'set', arguments: '{"not_an_object":"{\\"a\\":"}' }],
    [
      'a number past the range',
      'set',
      '{"a":1e400}',
      { name: 'set', arguments: '{"not_an_object":"{\\"a\\":1e400}"}' },
    ],
    ['a list', 'set', [1], { name: 'set', arguments: '{"not_an_object":[1]}' }],
    ['nothing', 'set', null, { name: 'set', arguments: '{"not_an_object":null}' }],
    ['a name that no endpoint takes', 'a.b c', {}, { name: 'a_b_c', arguments: '{}' }],
    ['a name that is too long', 'x'.repeat(70), {}, { name: 'x'.repeat(64), arguments: '{}' }],
    ['no name', '', {}, { name: '_', arguments: '{}' }],
  ];
  for (const [title, name, args, sent] of broken)
    it(`gives a past call back in a valid form that had ${title}`, () => {
      const [message] = messagesOf(calling(name, args as never));
      expect(message).to.deep.equal({
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: sent }],
      });
    });

  it('encodes each message and each set of tools once', () => {
    let reads = 0;
    const message: ModelMessage = {
      role: 'system',
      get text() {
        reads++;
        return 'S';
      },
    };
    const tools: ToolOffer[] = [
      {
        get name() {
          reads++;
          return 't';
        },
        description: '',
        parameters: {},
      },
    ];
    const first = wire([message], tools);
    const before = reads;
    expect(wire([message], tools)).to.deep.equal(first);
    expect(reads).to.equal(before);
  });
});
