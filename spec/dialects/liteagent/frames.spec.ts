import { expect } from 'chai';
import { AppError } from '../../../lib/errors.ts';
import { loadFrameParser, type FrameParser } from '../../../lib/dialects/liteagent/frames.ts';

describe('the parser of client frames', () => {
  let parse: FrameParser;
  before(async () => {
    parse = await loadFrameParser();
  });

  const good: [string, unknown, unknown][] = [
    ['a text', { type: 'text', message: 'on' }, { form: 'text', content: [{ type: 'text', text: 'on' }] }],
    [
      'a picture',
      { type: 'imageUrl', message: 'https://a/b.png' },
      { form: 'image', content: [{ type: 'image', url: 'https://a/b.png' }] },
    ],
    [
      'a picture as data',
      { type: 'imageUrl', message: 'data:image/png;base64,AA==' },
      { form: 'image', content: [{ type: 'image', url: 'data:image/png;base64,AA==' }] },
    ],
    [
      'a list',
      [
        { type: 'text', message: 'what is this?' },
        { type: 'imageUrl', message: 'http://a/b.png' },
      ],
      {
        form: 'list',
        content: [
          { type: 'text', text: 'what is this?' },
          { type: 'image', url: 'http://a/b.png' },
        ],
      },
    ],
    [
      'a task with an id of its own',
      { taskId: 'x'.repeat(36), contentList: [{ type: 'text', message: 'on' }], stream: true },
      { taskId: 'x'.repeat(36), form: 'list', content: [{ type: 'text', text: 'on' }], stream: true },
    ],
    [
      'a task whose other fields are null',
      { taskId: null, contentList: [{ type: 'text', message: 'on' }], stream: null, ack: null },
      { form: 'list', content: [{ type: 'text', text: 'on' }] },
    ],
    [
      'a message with fields that nobody knows',
      { type: 'text', message: 'on', mood: 'good' },
      { form: 'text', content: [{ type: 'text', text: 'on' }] },
    ],
  ];
  for (const [name, frame, task] of good)
    it(`takes ${name}`, () =>
      expect(parse(JSON.stringify(frame))).to.deep.equal({ type: 'task', task, ack: false }));

  it('takes a ping, and the wish for an ack', () => {
    expect(parse('ping')).to.deep.equal({ type: 'ping' });
    expect(parse('{"contentList":[{"type":"text","message":"on"}],"ack":true}')).to.deep.include({
      ack: true,
    });
  });

  const forms =
    'A message must be {"type":"text"|"imageUrl","message":"…"}, a list of those, or {"contentList":[…]}.';
  const bad: [string, string, string][] = [
    ['an empty frame', '', 'Not JSON: the text is empty.'],
    ['a bare word', 'PING', 'Not JSON: unexpected "P" at position 0 (line 1, column 1).'],
    [
      'JSON that breaks off',
      '{"type":"text"',
      'Not JSON: the text ends too early at position 14 (line 1, column 15).',
    ],
    ['a second value', '{}\n{}', 'Not JSON: unexpected "{" at position 3 (line 2, column 1).'],
    ['a number', '7', forms],
    ['null', 'null', forms],
    ['a string', '"ping"', forms],
    ['an empty object', '{}', 'The message is not valid: /type is missing; /message is missing.'],
    [
      'an unknown type',
      '{"type":"audio","message":"x"}',
      'The message is not valid: /type must be one of text, imageUrl.',
    ],
    [
      'a message that is no text',
      '{"type":"text","message":7}',
      'The message is not valid: /message must be string.',
    ],
    [
      'an empty message',
      '{"type":"text","message":""}',
      'The message is not valid: /message must not be empty.',
    ],
    [
      'a picture that is no URL',
      '{"type":"imageUrl","message":"file:///etc/passwd"}',
      'The message is not valid: /message must be an http, https or data:image URL.',
    ],
    ['an empty list', '[]', 'The message is not valid: the message must not be empty.'],
    [
      'a list with faults',
      '[{"type":"text"},7]',
      'The message is not valid: /0/message is missing; /1 must be object.',
    ],
    [
      'an empty contentList',
      '{"contentList":[]}',
      'The message is not valid: /contentList must not be empty.',
    ],
    [
      'a contentList that is none',
      '{"contentList":"on"}',
      'The message is not valid: /contentList must be array.',
    ],
    [
      'a picture in a contentList that is no URL',
      '{"contentList":[{"type":"imageUrl","message":"x"}]}',
      'The message is not valid: /contentList/0/message must be an http, https or data:image URL.',
    ],
    [
      'a taskId that is too long, and a stream that is no boolean',
      JSON.stringify({ taskId: 'x'.repeat(37), contentList: [{ type: 'text', message: 'on' }], stream: 1 }),
      'The message is not valid: /taskId must NOT have more than 36 characters; /stream must be boolean.',
    ],
  ];
  for (const [name, frame, message] of bad)
    it(`refuses ${name}`, () => {
      const thrown = caught(() => parse(frame));
      expect({ code: thrown.code, message: thrown.message }).to.deep.equal({
        code: 'invalid_request',
        message,
      });
    });

  it('refuses more values than a message may have with a short text', () => {
    const { message } = caught(() => parse(JSON.stringify(Array.from({ length: 300_000 }, () => 1))));
    expect(message).to.equal(
      'The message is not valid: the message has more than 10000 values: send it in parts.',
    );
  });
});

function caught(act: () => unknown): AppError {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
