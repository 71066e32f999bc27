import { expect } from 'chai';
import * as ws from 'ws';
import { encodeFrames } from '../../lib/server/frame.ts';

// ws exports it, its types do not say so.
const { Sender } = ws as unknown as {
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};

describe('encodeFrames', () => {
  it('frames as ws does, at every size where the head changes', () => {
    const texts = [0, 1, 125, 126, 65_535, 65_536, 100_000].map((size) => 'x'.repeat(size)).concat('äöü€😀');
    const expected = texts.flatMap((text) =>
      Sender.frame(Buffer.from(text), {
        fin: true,
        opcode: 1,
        mask: false,
        readOnly: true,
        rsv1: false,
      }),
    );
    expect(encodeFrames(texts).equals(Buffer.concat(expected))).to.equal(true);
    expect(encodeFrames([])).to.have.length(0);
  });
});
