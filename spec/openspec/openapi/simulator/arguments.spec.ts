import { expect } from 'chai';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../../../lib/common/json.ts';
import { SpecDocument } from '../../../../lib/openspec/spec-document.ts';
import type { OperationParameter } from '../../../../lib/openspec/openapi/request-shape.ts';
import {
  styleOf,
  writeCookies,
  writeHeader,
  writePairs,
  writePath,
} from '../../../../lib/openspec/openapi/styles.ts';
import { readArguments } from '../../../../lib/openspec/openapi/simulator/arguments.ts';

const document = new SpecDocument({ openapi: '3.1.0' });
const parameterOf = (place: OperationParameter['in'], node: JsonObject, name = 'p'): OperationParameter => ({
  name,
  in: place,
  required: true,
  node: { name, in: place, ...node },
  home: document.root,
});

/** Writes a value as the HTTP side of the server does, and reads it as the simulated device does. */
function roundTrip(
  parameter: OperationParameter,
  value: JsonValue,
): { value: JsonValue | undefined; faults: unknown[] } {
  const style = styleOf(document, parameter);
  const { name } = parameter;
  const source = {
    variables: parameter.in === 'path' ? { [name]: writePath(name, value, style) } : {},
    query: parameter.in === 'query' ? writePairs(name, value, style).join('&') : '',
    headers: {
      ...(parameter.in === 'header' ? { [name]: writeHeader(value, style) } : {}),
      ...(parameter.in === 'cookie' ? { cookie: writeCookies(name, value, style).join('; ') } : {}),
    },
  };
  const { values, faults } = readArguments(document, [parameter], source);
  return { value: values[parameter.in][name], faults };
}

describe('arguments of a simulated HTTP device', () => {
  const text = fc.string({
    minLength: 1,
    maxLength: 8,
    unit: fc.constantFrom(...Array.from('abc z/&=+%äé,;.|')),
  });
  const word = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom(...Array.from('abcxyz')) });
  const scalars: [string, JsonObject, fc.Arbitrary<JsonValue>][] = [
    ['texts', { type: 'string' }, text],
    [
      'numbers',
      { type: 'number' },
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    ],
    ['booleans', { type: 'boolean' }, fc.boolean()],
  ];
  const places: [OperationParameter['in'], JsonObject][] = [
    ['path', {}],
    ['path', { style: 'label' }],
    ['path', { style: 'matrix' }],
    ['query', {}],
    ['cookie', {}],
  ];
  for (const [place, style] of places) {
    const shown = `${place}${typeof style['style'] === 'string' ? ` (${style['style']})` : ''}`;
    for (const [title, schema, arbitrary] of scalars) {
      it(`come out of a ${shown} as they were written: ${title}`, () => {
        fc.assert(
          fc.property(arbitrary, (value) => {
            expect(roundTrip(parameterOf(place, { ...style, schema }), value)).to.deep.equal({
              value,
              faults: [],
            });
          }),
        );
      });
    }
  }

  const lists: [OperationParameter['in'], JsonObject][] = [
    ['path', {}],
    ['path', { style: 'label', explode: true }],
    ['path', { style: 'matrix', explode: true }],
    ['path', { style: 'matrix', explode: false }],
    ['query', { explode: true }],
    ['query', { explode: false }],
    ['query', { style: 'spaceDelimited', explode: false }],
    ['query', { style: 'pipeDelimited', explode: false }],
    ['header', {}],
  ];
  for (const [place, style] of lists) {
    it(`come out of a ${place} ${JSON.stringify(style)} as they were written: lists`, () => {
      const schema = { type: 'array', items: { type: 'string' } };
      fc.assert(
        fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (value) => {
          expect(roundTrip(parameterOf(place, { ...style, schema }), value)).to.deep.equal({
            value,
            faults: [],
          });
        }),
      );
    });
  }

  const objects: [OperationParameter['in'], JsonObject][] = [
    ['path', {}],
    ['path', { explode: true }],
    ['path', { style: 'label', explode: true }],
    ['path', { style: 'matrix', explode: false }],
    ['query', { explode: true }],
    ['query', { explode: false }],
    ['query', { style: 'deepObject', explode: true }],
    ['header', {}],
    ['query', { content: { 'application/json': { schema: { type: 'object' } } } }],
  ];
  for (const [place, style] of objects) {
    it(`come out of a ${place} ${JSON.stringify(style)} as they were written: objects`, () => {
      const schema = { type: 'object', properties: { r: { type: 'integer' }, g: { type: 'string' } } };
      const node = 'content' in style ? style : { ...style, schema };
      const arbitrary = fc.record({ r: fc.integer(), g: word });
      fc.assert(
        fc.property(arbitrary, (value) => {
          const parameter = parameterOf(place, node);
          if ('content' in style) {
            const query = `p=${encodeURIComponent(JSON.stringify(value))}`;
            const read = readArguments(document, [parameter], { variables: {}, query, headers: {} });
            expect(read.values.query['p']).to.deep.equal({ ...value });
          } else
            expect(roundTrip(parameter, { ...value })).to.deep.equal({ value: { ...value }, faults: [] });
        }),
      );
    });
  }

  it('change nothing but themselves, under any name', () => {
    const parameter = parameterOf('query', { style: 'deepObject', schema: { type: 'object' } });
    const query = 'p[__proto__][polluted]=1&p[constructor][prototype][polluted]=1&p[a]=b';
    readArguments(document, [parameter], { variables: {}, query, headers: {} });
    expect(({} as JsonObject)['polluted']).to.equal(undefined);
  });

  it('are reported by place and name when they do not fit', () => {
    const parameters = [
      parameterOf('path', { schema: { type: 'integer' } }, 'id'),
      parameterOf('query', { schema: { type: 'array', items: { type: 'integer' } } }, 'n'),
      parameterOf('header', { schema: { enum: ['a'] } }, 'X-A'),
      parameterOf('cookie', { schema: { type: 'string' } }, 'c'),
    ];
    const source = { variables: { id: 'x' }, query: 'n=1&n=b', headers: { 'x-a': 'b' } };
    expect(readArguments(document, parameters, source).faults).to.deep.equal([
      { pointer: '/path/id', detail: 'must be integer' },
      { pointer: '/query/n/1', detail: 'must be integer' },
      { pointer: '/header/X-A', detail: 'must be one of "a"' },
      { pointer: '/cookie/c', detail: 'is missing' },
    ]);
  });
});
