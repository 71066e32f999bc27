import { expect } from 'chai';
import { closestWord } from '../../lib/common/closest-word.ts';

describe('the word that was meant', () => {
  it('is near in its letters, in any case', () => {
    const words = ['baseUrl', 'EGRESS_ALLOW', 'read', 'write'];
    for (const [written, meant] of [
      ['baseurl', 'baseUrl'],
      ['egres_allow', 'EGRESS_ALLOW'],
      ['wirte', 'write'],
      ['raed', 'read'],
      ['reed', 'read'],
      ['temperature', undefined],
    ] as const)
      expect(closestWord(written, words), written).to.equal(meant);
    expect(closestWord('read', [])).to.equal(undefined);
  });
});
