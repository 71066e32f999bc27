import { expect } from 'chai';
import { faultyLine, placeInText, placeInYaml } from '../../lib/console/text-place.ts';

describe('the place of a fault in a text of the console', () => {
  const text = '{\n  "calls": [\n    { "tools": ["a"], "efect": "write", "a/b": 1 }\n  ]\n}';
  const part = (pointer: string): [line: number, part: string] | undefined => {
    const place = placeInText(text, pointer);
    return place && [place.line, text.slice(place.from, place.to)];
  };

  for (const [what, pointer, expected] of [
    ['a key', '/calls/0/efect', [3, '"efect": "write"']],
    ['an entry of a list', '/calls/0/tools/0', [3, '"a"']],
    ['a key with a slash', '/calls/0/a~1b', [3, '"a/b": 1']],
    ['a key that is missing is its object', '/calls/0/decision', [3, text.slice(18, 66).trim()]],
    ['a list that is missing is the whole text', '/limits/0', [1, text]],
  ] as const)
    it(`of ${what}`, () => {
      expect(part(pointer)).to.deep.equal(expected);
    });

  it('is that of a key that is a number, too', () => {
    const answers = '{"responses":{"200":{"a":1}}}';
    expect(placeInText(answers, '/responses/200/a')).to.deep.equal({ line: 1, from: 21, to: 26 });
  });

  describe('that is YAML', () => {
    const yaml =
      '# A meter\nfunctions:\n  - name: read\n    method: raed\n    path: &place\n      adress: 1\n  - path: *place\n';
    const partOf = async (pointer: string): Promise<[line: number, part: string] | undefined> => {
      const place = await placeInYaml(yaml, pointer);
      return place && [place.line, yaml.slice(place.from, place.to)];
    };

    for (const [what, pointer, expected] of [
      ['a key', '/functions/0/method', [4, 'method: raed']],
      ['an entry of a list', '/functions/1', [7, 'path: *place']],
      ['a key that is missing is its map', '/functions/0/path/address', [5, 'path: &place\n      adress: 1']],
      ['a key of an alias is that of its anchor', '/functions/1/path/adress', [6, 'adress: 1']],
    ] as const)
      it(`of ${what}`, async () => {
        expect(await partOf(pointer)).to.deep.equal(expected);
      });

    it('is not known in a text that cannot be read', async () => {
      expect(await placeInYaml('a: [1', '/a')).to.equal(undefined);
    });
  });

  it('is not looked up as JSON in YAML and in broken JSON', () => {
    expect(placeInText('calls:\n  - decision: ask\n', '/calls/0')).to.equal(undefined);
    expect(placeInText('{"calls": [', '/calls')).to.equal(undefined);
  });

  it('of a fault of syntax is its line', () => {
    expect([faultyLine('{\n "a": 1,\n}'), faultyLine('{\n "a" 1\n}'), faultyLine('{"a": 1}')]).to.deep.equal([
      3,
      2,
      undefined,
    ]);
  });
});
