import { expect } from 'chai';
import { ModelError } from '../../lib/errors.ts';
import { createSseParser } from '../../lib/models/sse.ts';

describe('server-sent events', () => {
  const stream =
    '\uFEFFdata: {"a":"温度"}\r\n\r\n: a comment\nevent: x\ndata:two\ndata: lines\nid: 7\n\n\n\ndata: [DONE]';
  const events = ['{"a":"温度"}', 'two\nlines', '[DONE]'];

  it('come apart wherever the bytes are cut', () => {
    const bytes = Buffer.from(stream);
    for (let size = 1; size <= bytes.length; size++) {
      const parser = createSseParser();
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at += size)
        found.push(...parser.push(bytes.subarray(at, at + size)));
      found.push(...parser.end());
      expect(found, `in pieces of ${size}`).to.deep.equal(events);
    }
  });

  const table: [title: string, text: string, data: string[]][] = [
    ['with CR as the line end', 'data: 1\r\rdata: 2\rdata: 3\r\r', ['1', '2\n3']],
    ['with CRLF', 'data: 1\r\n\r\ndata: 2\r\n\r\n', ['1', '2']],
    [
      'with line ends of every kind in one stream',
      'data: 1\r\n\ndata: 2\r\r\ndata: 3\n\r\n',
      ['1', '2', '3'],
    ],
    ['without a space after the colon', 'data:1\n\n', ['1']],
    ['with two spaces: one of them is data', 'data:  1\n\n', [' 1']],
    ['with colons in the data', 'data: a:b: c\n\n', ['a:b: c']],
    ['with comments anywhere', ': a\n:\ndata: 1\n: b\n\n:c\n\n', ['1']],
    ['with other fields', 'event: x\nid: 1\u0000\nretry: soon\nunknown: y\ndata: 1\n\n', ['1']],
    ['of several lines', 'data: {"a":\ndata: 1}\n\n', ['{"a":\n1}']],
    ['without data, to keep the connection alive', 'event: ping\n\ndata:\n\ndata\n\ndata: 1\n\n', ['1']],
    ['without the last blank line', 'data: 1\n\ndata: 2', ['1', '2']],
    ['with a byte order mark at the start only', '\uFEFFdata: \uFEFF1\n\n', ['\uFEFF1']],
    ['with a field of which "data" is only a part', 'databank: 1\n data: 2\nDATA: 3\ndata: 4\n\n', ['4']],
  ];
  for (const [title, text, data] of table)
    it(`come apart ${title}, wherever the bytes are cut`, () => {
      const bytes = Buffer.from(text);
      for (let size = 1; size <= bytes.length; size++) {
        const parser = createSseParser();
        const found: string[] = [];
        for (let at = 0; at < bytes.length; at += size)
          found.push(...parser.push(bytes.subarray(at, at + size)));
        expect([...found, ...parser.end()], `in pieces of ${size}`).to.deep.equal(data);
      }
    });

  it('are given as soon as they are complete', () => {
    const parser = createSseParser();
    expect(parser.push(Buffer.from('data: 1\n\ndata: 2\n'))).to.deep.equal(['1']);
    expect(parser.push(Buffer.from('\n'))).to.deep.equal(['2']);
    expect(parser.end()).to.deep.equal([]);
  });

  it('are refused when one has no end, so that it cannot fill the memory', () => {
    const parser = createSseParser();
    const piece = Buffer.from(`data: ${'x'.repeat(1024 * 1024)}`);
    const pushed = () => {
      for (let count = 0; count < 32; count++) parser.push(piece);
    };
    expect(pushed).to.throw(ModelError, 'more than 16 MiB');
  });
});
