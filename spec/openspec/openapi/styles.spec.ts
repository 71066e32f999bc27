import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

const blue = 'blue';
const colors = ['blue', 'black', 'brown'];
const rgb = { R: 100, G: 200, B: 150 };

// [style, explode, value, what stands on the wire], after OpenAPI 3.1.1, 4.8.12.6.
type Row = [style: string | undefined, explode: boolean | undefined, value: JsonValue, wire: string];

const PATH: Row[] = [
  [undefined, undefined, blue, 'blue'],
  [undefined, undefined, colors, 'blue,black,brown'],
  [undefined, undefined, rgb, 'R,100,G,200,B,150'],
  ['simple', true, colors, 'blue,black,brown'],
  ['simple', true, rgb, 'R=100,G=200,B=150'],
  ['label', false, blue, '.blue'],
  ['label', false, colors, '.blue,black,brown'],
  ['label', false, rgb, '.R,100,G,200,B,150'],
  ['label', true, colors, '.blue.black.brown'],
  ['label', true, rgb, '.R=100.G=200.B=150'],
  ['matrix', false, blue, ';color=blue'],
  ['matrix', false, colors, ';color=blue,black,brown'],
  ['matrix', false, rgb, ';color=R,100,G,200,B,150'],
  ['matrix', true, colors, ';color=blue;color=black;color=brown'],
  ['matrix', true, rgb, ';R=100;G=200;B=150'],
  [undefined, undefined, 0, '0'],
  [undefined, undefined, false, 'false'],
  [undefined, undefined, 1.5, '1.5'],
  [undefined, undefined, 'a b/c?d#e%f&g=h+i', 'a%20b%2Fc%3Fd%23e%25f%26g%3Dh%2Bi'],
  [undefined, undefined, "!'()*~-._", '%21%27%28%29%2A~-._'],
  [undefined, undefined, '温度', '%E6%B8%A9%E5%BA%A6'],
  [undefined, undefined, 'x\uD800', 'x%EF%BF%BD'],
  [undefined, undefined, ['a,b', 'c'], 'a%2Cb,c'],
];

const QUERY: Row[] = [
  [undefined, undefined, blue, 'color=blue'],
  [undefined, undefined, '', 'color='],
  [undefined, undefined, colors, 'color=blue&color=black&color=brown'],
  [undefined, undefined, rgb, 'R=100&G=200&B=150'],
  ['form', false, colors, 'color=blue,black,brown'],
  ['form', false, rgb, 'color=R,100,G,200,B,150'],
  ['spaceDelimited', false, colors, 'color=blue%20black%20brown'],
  ['spaceDelimited', false, rgb, 'color=R%20100%20G%20200%20B%20150'],
  ['spaceDelimited', true, colors, 'color=blue&color=black&color=brown'],
  ['pipeDelimited', false, colors, 'color=blue%7Cblack%7Cbrown'],
  ['pipeDelimited', false, rgb, 'color=R%7C100%7CG%7C200%7CB%7C150'],
  ['deepObject', true, rgb, 'color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150'],
  [
    'deepObject',
    true,
    { a: { b: 1 }, c: [{ d: 2 }, 3] },
    'color%5Ba%5D%5Bb%5D=1&color%5Bc%5D%5B0%5D%5Bd%5D=2&color%5Bc%5D%5B1%5D=3',
  ],
  [undefined, undefined, 0, 'color=0'],
  [undefined, undefined, false, 'color=false'],
  [undefined, undefined, [], 'color='],
  [undefined, undefined, { a: [1, 2] }, 'a=%5B1%2C2%5D'],
  [undefined, undefined, 'a b&c=d+e#f', 'color=a%20b%26c%3Dd%2Be%23f'],
  [undefined, undefined, ['a&b', 'c,d'], 'color=a%26b&color=c%2Cd'],
];

const HEADER: Row[] = [
  [undefined, undefined, blue, 'blue'],
  [undefined, undefined, colors, 'blue,black,brown'],
  [undefined, undefined, rgb, 'R,100,G,200,B,150'],
  ['simple', true, rgb, 'R=100,G=200,B=150'],
  [undefined, undefined, false, 'false'],
  [undefined, undefined, 'a b/c', 'a b/c'],
  [undefined, undefined, 'x\r\nY: 温', 'x%0D%0AY: %E6%B8%A9'],
];

const COOKIE: Row[] = [
  [undefined, undefined, blue, 'color=blue'],
  [undefined, undefined, 'a b;c', 'color=a%20b%3Bc'],
  ['form', false, colors, 'color=blue,black,brown'],
  ['form', false, rgb, 'color=R,100,G,200,B,150'],
  ['form', true, colors, 'color=blue&color=black&color=brown'],
  ['cookie', true, colors, 'color=blue; color=black; color=brown'],
  ['cookie', true, rgb, 'R=100; G=200; B=150'],
  ['cookie', false, colors, 'color=blue,black,brown'],
  ['cookie', false, rgb, 'color=R,100,G,200,B,150'],
];

const show = ([style, explode, value]: Row) =>
  `${style ?? 'the default style'}${explode === undefined ? '' : explode ? ', exploded' : ', not exploded'}: ${JSON.stringify(value)}`;

describe('openapi parameters on the wire', () => {
  let bench: OpenapiBench;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());

  const parameter = (place: string, [style, explode]: Row, more: JsonObject = {}): JsonObject => ({
    name: 'color',
    in: place,
    required: place === 'path',
    ...(style === undefined ? {} : { style }),
    ...(explode === undefined ? {} : { explode }),
    schema: {},
    ...more,
  });

  async function sent(path: string, parameters: JsonObject[], args: JsonObject, more: JsonObject = {}) {
    const { seen, result } = await bench.call(oneOperation(path, 'get', { parameters }, more), args);
    if (seen[0] === undefined) throw new Error(JSON.stringify(result));
    return seen[0];
  }

  for (const row of PATH) {
    it(`path, ${show(row)}`, async () => {
      const { url } = await sent('/a/{color}/z', [parameter('path', row)], { color: row[2] });
      expect(url).to.equal(`/a/${row[3]}/z`);
    });
  }
  for (const row of QUERY) {
    it(`query, ${show(row)}`, async () => {
      const { url } = await sent('/a', [parameter('query', row)], { color: row[2] });
      expect(url).to.equal(`/a?${row[3]}`);
    });
  }
  for (const row of HEADER) {
    it(`header, ${show(row)}`, async () => {
      const { headers } = await sent('/a', [parameter('header', row)], { color: row[2] });
      expect(headers['color']).to.equal(row[3]);
    });
  }
  for (const row of COOKIE) {
    it(`cookie, ${show(row)}`, async () => {
      const { headers } = await sent('/a', [parameter('cookie', row)], { color: row[2] });
      expect(headers.cookie).to.equal(row[3]);
    });
  }

  it('several cookies stand in one header', async () => {
    const parameters = ['a', 'b'].map((name) => ({ name, in: 'cookie', schema: {} }));
    expect((await sent('/a', parameters, { a: 1, b: 'x' })).headers.cookie).to.equal('a=1; b=x');
  });

  it('an empty object leaves no trace in the query', async () => {
    expect(
      (await sent('/a', [parameter('query', [undefined, undefined, {}, ''])], { color: {} })).url,
    ).to.equal('/a');
  });

  it('a missing value and null are not sent', async () => {
    const parameters = [
      parameter('query', QUERY[0] as Row),
      parameter('header', HEADER[0] as Row),
      parameter('cookie', COOKIE[0] as Row),
    ];
    const { url, headers } = await sent('/a', parameters, { color__query: null });
    expect([url, headers['color'], headers.cookie]).to.deep.equal(['/a', undefined, undefined]);
  });

  for (const [value, wire] of [
    ["a/b?c:d@e!$'()*,;=[]", "a/b?c:d@e!$'()*,;=[]"],
    ['100%25 & + # ü', '100%25%20%26%20%2B%20%23%20%C3%BC'],
    ['50%', '50%25'],
  ] as const) {
    it(`allowReserved sends ${value} as ${wire}`, async () => {
      const { url } = await sent('/a', [parameter('query', QUERY[0] as Row, { allowReserved: true })], {
        color: value,
      });
      expect(url).to.equal(`/a?color=${wire}`);
    });
  }

  it('a parameter with a media type is written whole', async () => {
    const content = { 'application/json': { schema: { type: 'object' } } };
    const parameters = ['query', 'header', 'cookie'].map((place) => ({ name: 'filter', in: place, content }));
    const { url, headers } = await sent('/a', parameters, {
      filter__query: { a: [1] },
      filter__header: { b: 2 },
      filter__cookie: { c: 3 },
    });
    expect(url).to.equal('/a?filter=%7B%22a%22%3A%5B1%5D%7D');
    expect(headers['filter']).to.equal('{"b":2}');
    expect(headers.cookie).to.equal('filter=%7B%22c%22%3A3%7D');
    const path = { name: 'id', in: 'path', required: true, content };
    expect((await sent('/{id}', [path], { id: { a: 1 } })).url).to.equal('/%7B%22a%22%3A1%7D');
  });

  it('a whole query string is one argument [OpenAPI 3.2]', async () => {
    const form = {
      name: 'q',
      in: 'querystring',
      content: { 'application/x-www-form-urlencoded': { schema: { type: 'object' } } },
    };
    expect((await sent('/a', [form], { q: { a: 'b c', d: [1, 2] } })).url).to.equal('/a?a=b+c&d=1&d=2');
    const json = { name: 'q', in: 'querystring', content: { 'application/json': {} } };
    expect((await sent('/a', [json], { q: { a: 1 } })).url).to.equal('/a?%7B%22a%22%3A1%7D');
  });

  for (const [format, wire] of [
    [undefined, 'color=blue,black,brown'],
    ['csv', 'color=blue,black,brown'],
    ['ssv', 'color=blue%20black%20brown'],
    ['tsv', 'color=blue%09black%09brown'],
    ['pipes', 'color=blue%7Cblack%7Cbrown'],
    ['multi', 'color=blue&color=black&color=brown'],
  ] as const) {
    it(`Swagger 2.0 sends the collection format ${format ?? 'of default'} as ${wire}`, async () => {
      const color = {
        name: 'color',
        in: 'query',
        type: 'array',
        items: { type: 'string' },
        ...(format && { collectionFormat: format }),
      };
      const { openapi: _, ...document } = oneOperation('/a', 'get', { parameters: [color] });
      const { seen } = await bench.call({ swagger: '2.0', ...document }, { color: colors });
      expect(seen[0]?.url).to.equal(`/a?${wire}`);
    });
  }

  it('names are encoded as well', async () => {
    const { url } = await sent('/a', [{ name: 'ids[]', in: 'query', schema: { type: 'array' } }], {
      ids: [1, 2],
    });
    expect(url).to.equal('/a?ids%5B%5D=1&ids%5B%5D=2');
  });

  describe('path values that would lead elsewhere are refused before anything is sent:', () => {
    const id = { name: 'id', in: 'path', required: true, schema: {} };
    for (const value of [
      '',
      [],
      {},
      '.',
      '..',
      '../admin',
      'a/../b',
      '..\\b',
      '%2e%2e',
      '%2E%2e/x',
      'x%2f..',
      ['..'],
      { a: '..' },
      null,
    ]) {
      it(JSON.stringify(value), async () => {
        const { result, seen } = await bench.call(
          oneOperation('/files/{id}', 'delete', { parameters: [id] }),
          { id: value },
        );
        expect(seen).to.deep.equal([]);
        expect(result).to.have.nested.property('error.code', 'invalid_arguments');
        expect(result).to.have.nested.property('error.effect', 'none');
        expect(result).to.have.nested.property('error.message').that.contains('"id"');
      });
    }
    it('a missing one', async () => {
      const { result, seen } = await bench.call(oneOperation('/files/{id}', 'get', {}), {});
      expect([seen, (result['error'] as JsonObject)['message']]).to.deep.equal([[], '"id" is missing.']);
    });
    it('but not names with dots in them', async () => {
      expect((await sent('/files/{id}', [id], { id: '..a...b' })).url).to.equal('/files/..a...b');
    });
  });

  describe('odd paths', () => {
    for (const [path, args, url] of [
      ['/a b/ü', {}, '/a%20b/%C3%BC'],
      ['/a?kind=x', {}, '/a?kind=x'],
      ['/a?kind=x', { q: 1 }, '/a?kind=x&q=1'],
      ['/a#overload', {}, '/a'],
      ['no-slash', {}, '/no-slash'],
      ['/f/{id:[0-9]+}', { id: 7 }, '/f/7'],
      ['/f/{path*}', { path: 'x' }, '/f/x'],
      ['/{+path}', { path: 'x' }, '/x'],
      ['/{a}{b}/{a}', { a: 1, b: 2 }, '/12/1'],
      ['/a%20b', {}, '/a%20b'],
    ] as const) {
      it(`${path} with ${JSON.stringify(args)} is ${url}`, async () => {
        const seen = await sent(path, [{ name: 'q', in: 'query', schema: {} }], args);
        expect(seen.url).to.equal(url);
      });
    }

    it('a variable finds its parameter by another spelling', async () => {
      const petId = { name: 'pet_id', in: 'path', required: true, schema: { type: 'integer' } };
      const document = oneOperation('/pets/{petId}', 'get', {
        parameters: [petId, { name: 'gone', in: 'path', schema: {} }],
      });
      const spec = await bench.compile(document);
      expect(spec.tools[0]?.parameters['properties']).to.deep.equal({ petId: { type: 'integer' } });
      expect(spec.warnings).to.deep.equal([
        'GET /pets/{petId}: the path has no {gone}; that parameter is left out',
      ]);
      expect((await bench.call(document, { petId: 5 })).seen[0]?.url).to.equal('/pets/5');
    });
  });
});
