import { expect } from 'chai';
import { checkArguments } from '../../lib/core/argument-check.ts';

describe('the check of arguments', () => {
  it('takes a pattern with nested repetitions, and tells when it does not fit', async () => {
    const schema = { type: 'object', properties: { name: { type: 'string', pattern: '^(a+)+$' } } };
    expect(await checkArguments(schema, { name: 'a'.repeat(32) })).to.deep.equal({
      fits: { name: 'a'.repeat(32) },
    });
    expect(await checkArguments(schema, { name: `${'a'.repeat(32)}!` })).to.deep.equal({
      faults: 'The arguments do not fit the tool: /name must match pattern "^(a+)+$".',
    });
  });

  it('keeps two patterns of one schema apart', async () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'string', pattern: '^x' }, b: { type: 'string', pattern: '^y' } },
    };
    expect(await checkArguments(schema, { a: 'x1', b: 'y1' })).to.deep.equal({ fits: { a: 'x1', b: 'y1' } });
  });

  const late = 'The arguments could not be checked within 100 ms: send fewer or simpler values.';
  const endless: [string, object, object][] = [
    [
      'alternatives inside alternatives',
      {
        type: 'object',
        $ref: '#/$defs/node',
        $defs: {
          node: {
            anyOf: [
              { type: 'object', required: ['no'], properties: { in: { $ref: '#/$defs/node' } } },
              { type: 'object', required: ['none'], properties: { in: { $ref: '#/$defs/node' } } },
            ],
          },
        },
      },
      nested(40),
    ],
    [
      'unique objects',
      { type: 'object', properties: { list: { type: 'array', uniqueItems: true } } },
      { list: Array.from({ length: 100_000 }, (_, at) => ({ at })) },
    ],
  ];
  for (const [name, schema, args] of endless)
    it(`ends in time for ${name}`, async () => {
      const began = performance.now();
      expect(await checkArguments(schema as never, args as never)).to.deep.equal({ faults: late });
      expect(performance.now() - began).to.be.below(1000);
    });
});

function nested(depth: number): object {
  return depth === 0 ? {} : { in: nested(depth - 1) };
}
