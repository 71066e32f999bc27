import { expect } from 'chai';
import fc from 'fast-check';
import { jsonFaultAt } from '../../lib/common/json-fault.ts';

describe('jsonFaultAt', () => {
  const table: [string, number][] = [
    ['PING', 0],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ["{'a':1}", 1],
    ['{"a":1 "b":2}', 7],
    ['[1,2,]', 5],
    ['[,1]', 1],
    ['{,}', 1],
    ['[1 2]', 3],
    ['[1}', 2],
    ['{"a":[}', 6],
    ['1.', 1],
    ['01', 1],
    ['-', 0],
    ['+1', 0],
    ['tru', 0],
    ['"a\nb"', 2],
    [String.raw`"\x"`, 1],
    [String.raw`"\u12g4"`, 1],
    ['{} {}', 3],
    ['[1],', 3],
    ['{"a":', 5],
    ['"abc', 4],
    ['"a\u007Fb', 4],
    ['[', 1],
    ['{"a":1', 6],
  ];
  for (const [text, at] of table)
    it(`finds ${JSON.stringify(text)} at ${at}`, () => {
      expect(() => JSON.parse(text) as unknown).to.throw(SyntaxError);
      expect(jsonFaultAt(text)).to.equal(at);
    });

  it('finds nothing before the end of any JSON text, and a control character wherever it is put', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.nat(), (text, seed) => {
        expect(jsonFaultAt(text)).to.equal(text.length);
        const at = seed % (text.length + 1);
        const broken = `${text.slice(0, at)}\u0001${text.slice(at)}`;
        // Inside a number, a literal or an escape the fault begins a little earlier.
        expect(jsonFaultAt(broken)).to.be.within(Math.max(0, at - 25), at);
      }),
    );
  });
});
