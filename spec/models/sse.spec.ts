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
