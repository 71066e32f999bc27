import { expect } from 'chai';
import { jsonFaultAt } from '../../lib/common/json-fault.ts';
import { childPointer, parsePointer, valueAt, valueAtFragment } from '../../lib/common/json-pointer.ts';
import { applyMergePatch } from '../../lib/common/merge-patch.ts';

describe('a JSON pointer', () => {
  // The document of RFC 6901 5.
  const document = {
    foo: ['bar', 'baz'],
    '': 0,
    'a/b': 1,
    'c%d': 2,
    'm~n': 8,
  };

  it('leads to a member, an element, or the whole document', () => {
    expect(
      ['', '/foo', '/foo/0', '/', '/a~1b', '/c%d', '/m~0n'].map((pointer) => valueAt(document, pointer)),
    ).to.deep.equal([document, ['bar', 'baz'], 'bar', 0, 1, 2, 8]);
  });

  it('leads nowhere when it names nothing, or is not a pointer', () => {
    for (const pointer of ['foo', '/bar', '/foo/2', '/foo/01', '/foo/-', '/foo/0/x', '/toString'])
      expect(valueAt(document, pointer), pointer).to.equal(undefined);
  });

  it('of a URI fragment is percent-decoded, but for keys that hold a percent sign', () => {
    expect(['/c%25d', '/c%d', '/a~1b'].map((fragment) => valueAtFragment(document, fragment))).to.deep.equal([
      2, 2, 1,
    ]);
  });

  it('is made from keys, and gives them back', () => {
    const pointer = childPointer('/list', 0, 'a/b', 'm~n');
    expect(pointer).to.equal('/list/0/a~1b/m~0n');
    expect(parsePointer(pointer)).to.deep.equal(['list', '0', 'a/b', 'm~n']);
  });
});

describe('a JSON merge patch', () => {
  // The test cases of RFC 7396 appendix A.
  const cases = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ] as const;
  for (const [document, patch, result] of cases)
    it(`makes ${result} of ${document} with ${patch}`, () => {
      expect(applyMergePatch(JSON.parse(document), JSON.parse(patch))).to.deep.equal(JSON.parse(result));
    });
});

describe('the place where a text stops being JSON', () => {
  it('is the first character that does not belong, or the end', () => {
    const texts = ['{"a":1,}', '{"a" 1}', '[1 2]', '{"a":1', "{'a':1}", '[1,]', '// x', ''];
    expect(texts.map(jsonFaultAt)).to.deep.equal([7, 5, 3, 6, 1, 3, 0, 0]);
  });

  it('is not known for a text that is nested too deeply', () => {
    expect(jsonFaultAt('['.repeat(1_000_000))).to.equal(undefined);
  });
});
