import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties,
  ...more,
});
const text: JsonObject = { type: 'string' };
const file: JsonObject = { type: 'string', format: 'binary' };

describe('openapi bodies on the wire', () => {
  let bench: OpenapiBench;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());

  const post = (content: JsonObject, more: JsonObject = {}) =>
    oneOperation('/a', 'post', { requestBody: { content, required: true, ...more } });

  async function sent(document: JsonObject, args: JsonObject) {
    const { seen, result } = await bench.call(document, args);
    const [request] = seen;
    if (request === undefined) throw new Error(JSON.stringify(result));
    return { type: request.headers['content-type'], body: request.body.toString('latin1'), request };
  }

  async function properties(document: JsonObject): Promise<string[]> {
    return Object.keys((await bench.toolOf(document)).parameters['properties'] as JsonObject);
  }

  /** The parts of a multipart body, with the boundary taken out. */
  async function parts(document: JsonObject, args: JsonObject): Promise<string[]> {
    const { type = '', body } = await sent(document, args);
    const [, boundary = 'none'] = /boundary=(.+)$/.exec(type) ?? [];
    const [empty, ...pieces] = body.split(`--${boundary}`);
    expect([empty, pieces.pop()]).to.deep.equal(['', '--\r\n']);
    return pieces.map((piece) => piece.replace(/^\r\n|\r\n$/g, ''));
  }

  describe('JSON', () => {
    const values: JsonObject = {
      a: false,
      b: 0,
      c: '',
      d: {},
      e: [],
      f: null,
      g: '温',
      h: { x: [1, { y: null }] },
    };

    it('keeps every value as it is', async () => {
      const names = Object.fromEntries(Object.keys(values).map((name) => [name, {}]));
      const { type, body } = await sent(post({ 'application/json': { schema: object(names) } }), values);
      expect(type).to.equal('application/json');
      expect(JSON.parse(Buffer.from(body, 'latin1').toString())).to.deep.equal(values);
    });

    for (const type of ['application/vnd.api+json', 'application/json; charset=utf-8', 'text/json']) {
      it(`goes as ${type} where the document says so`, async () => {
        expect(await sent(post({ [type]: { schema: object({ a: text }) } }), { a: 'x' })).to.include({
          type,
          body: '{"a":"x"}',
        });
      });
    }

    for (const type of ['*/*', 'application/*']) {
      it(`is written as ${type} means`, async () => {
        const { type: got, body } = await sent(post({ [type]: { schema: object({ a: text }) } }), { a: 'x' });
        expect([got, body]).to.deep.equal(['application/json', '{"a":"x"}']);
      });
    }

    for (const [what, schema, value] of [
      ['a list', { type: 'array', items: { type: 'integer' } }, [1, 2]],
      ['a text', text, 'x'],
      ['a map', { type: 'object', additionalProperties: text }, { k: 'v' }],
      ['anything', {}, { a: 1 }],
      ['one of several objects', { oneOf: [object({ a: text }), object({ b: text })] }, { b: 'x' }],
      [
        'an object with alternatives of its own',
        { ...object({ a: text }), anyOf: [object({ b: text }), object({ c: text })] },
        { a: 'x', c: 'y' },
      ],
      ['nothing', { type: 'null' }, null],
    ] as [string, JsonObject, JsonValue][]) {
      it(`${what} is the argument "body"`, async () => {
        const document = post({ 'application/json': { schema } });
        expect(await properties(document)).to.deep.equal(['body']);
        expect((await sent(document, { body: value })).body).to.equal(JSON.stringify(value));
      });
    }

    it('of an object whose alternatives only say which members go together becomes several arguments', async () => {
      const schema = { ...object({ a: text, b: text }), anyOf: [{ required: ['a'] }, { required: ['b'] }] };
      expect(await properties(post({ 'application/json': { schema } }))).to.deep.equal(['a', 'b']);
    });

    it('puts additional properties beside the declared ones', async () => {
      const schema = object({ a: text }, { additionalProperties: { type: 'integer' } });
      const document = post({ 'application/json': { schema } });
      expect((await bench.toolOf(document)).parameters['additionalProperties']).to.deep.equal({
        type: 'integer',
      });
      expect((await sent(document, { a: 'x', more: 1 })).body).to.equal('{"a":"x","more":1}');
    });

    it('with a discriminator takes the properties of its kinds, too', async () => {
      const schema = {
        ...object({ kind: text }),
        discriminator: { propertyName: 'kind' },
        additionalProperties: false,
      };
      const document = post({ 'application/json': { schema } });
      expect((await bench.toolOf(document)).parameters['additionalProperties']).to.equal(true);
      expect((await sent(document, { kind: 'cat', meows: true })).body).to.equal(
        '{"kind":"cat","meows":true}',
      );
    });

    it('with properties of several schemas at once holds all of them', async () => {
      const document = post({
        'application/json': {
          schema: { allOf: [{ $ref: '#/components/schemas/A' }, object({ b: text }, { required: ['b'] })] },
        },
      });
      document['components'] = { schemas: { A: { allOf: [object({ a: text }), object({ c: text })] } } };
      expect(await properties(document)).to.deep.equal(['a', 'c', 'b']);
      expect((await sent(document, { a: '1', b: '2', c: '3' })).body).to.equal('{"a":"1","c":"3","b":"2"}');
    });

    it('is an empty object when it has to be there and nothing is given, and no body when it may be missing', async () => {
      const content = { 'application/json': { schema: object({ a: text }) } };
      expect((await sent(post(content), {})).body).to.equal('{}');
      const { type, body } = await sent(post(content, { required: false }), {});
      expect([type, body]).to.deep.equal([undefined, '']);
    });

    it('that may be missing has to be whole when it is there', async () => {
      const schema = object({ a: text, b: text }, { required: ['a', 'b'] });
      const document = post({ 'application/json': { schema } }, { required: false });
      expect((await bench.toolOf(document)).parameters['required']).to.equal(undefined);
      const { seen, result } = await bench.call(document, { a: 'x' });
      expect([seen, (result['error'] as JsonObject)['message']]).to.deep.equal([[], 'Missing: "b".']);
    });

    it('that is missing as a whole is not sent', async () => {
      const { seen, result } = await bench.call(
        post({ 'application/json': { schema: { type: 'array' } } }),
        {},
      );
      expect([seen, (result['error'] as JsonObject)['message']]).to.deep.equal([[], '"body" is missing.']);
    });

    it('gives inner properties their names back', async () => {
      const schema = object({
        '@type': text,
        list: { type: 'array', items: object({ 'odata.type': text, 'a b': text, $x: text }) },
      });
      const document = post({ 'application/json': { schema } });
      const args = { type: 't', list: [{ 'odata.type': 'o', a_b: '1', x: '2' }] };
      expect((await sent(document, args)).body).to.equal(
        '{"@type":"t","list":[{"odata.type":"o","a b":"1","$x":"2"}]}',
      );
    });

    it('takes a property called __proto__ as any other', async () => {
      const document = post({
        'application/json': {
          schema: { type: 'object', properties: JSON.parse('{"__proto__":{"type":"string"}}') as JsonObject },
        },
      });
      expect((await sent(document, JSON.parse('{"__proto__":"x"}') as JsonObject)).body).to.equal(
        '{"__proto__":"x"}',
      );
    });
  });

  describe('forms', () => {
    const type = 'application/x-www-form-urlencoded';
    const form = (schema: JsonObject, encoding?: JsonObject) =>
      post({ [type]: { schema, ...(encoding && { encoding }) } });
    const anything = object({ a: {}, b: {} });

    for (const [value, wire] of [
      ['x y&z=ü', 'a=x+y%26z%3D%C3%BC'],
      [0, 'a=0'],
      [false, 'a=false'],
      ['', 'a='],
      [[1, 2], 'a=1&a=2'],
      [{ k: 1 }, 'a=%7B%22k%22%3A1%7D'],
    ] as [JsonValue, string][]) {
      it(`write ${JSON.stringify(value)} as ${wire}`, async () => {
        expect(await sent(form(anything), { a: value })).to.include({ type, body: wire });
      });
    }

    for (const [encoding, value, wire] of [
      [{ style: 'deepObject', explode: true }, { k: 1, l: [2] }, 'a%5Bk%5D=1&a%5Bl%5D%5B0%5D=2'],
      [{ style: 'deepObject', explode: true }, ['x'], 'a%5B0%5D=x'],
      [{ style: 'form', explode: false }, [1, 2], 'a=1,2'],
      [{ style: 'spaceDelimited' }, [1, 2], 'a=1+2'],
      [{ explode: true }, { k: 1 }, 'k=1'],
      [{ allowReserved: true }, 'x/y', 'a=x/y'],
      [{ contentType: 'application/json' }, [1, 2], 'a=%5B1%2C2%5D'],
    ] as [JsonObject, JsonValue, string][]) {
      it(`write ${JSON.stringify(value)} encoded by ${JSON.stringify(encoding)} as ${wire}`, async () => {
        expect((await sent(form(anything, { a: encoding }), { a: value })).body).to.equal(wire);
      });
    }

    it('of Swagger 2.0 follow the collection format', async () => {
      const fields = [
        { name: 'a', in: 'formData', type: 'array', items: text },
        { name: 'b', in: 'formData', type: 'array', items: text, collectionFormat: 'multi', required: true },
      ];
      const { openapi: _, ...document } = oneOperation('/a', 'post', {
        consumes: [type],
        parameters: fields,
      });
      const tool = await bench.toolOf({ swagger: '2.0', ...document });
      expect(tool.parameters['required']).to.deep.equal(['b']);
      const { body } = await sent({ swagger: '2.0', ...document }, { a: ['1', '2'], b: ['3', '4'] });
      expect(body).to.equal('a=1,2&b=3&b=4');
    });
  });

  describe('multipart', () => {
    const form = (schema: JsonObject, encoding?: JsonObject) =>
      post({ 'multipart/form-data': { schema, ...(encoding && { encoding }) } });
    const png = Buffer.from([0x89, 0x50, 0, 0xff]);

    it('sends texts, numbers, objects, lists and files each as a part', async () => {
      const schema = object({
        name: text,
        n: { type: 'integer' },
        meta: object({}),
        tags: { type: 'array', items: text },
        photo: file,
      });
      const args = { name: 'ü', n: 0, meta: { a: 1 }, tags: ['x', 'y'], photo: png.toString('base64') };
      expect(await parts(form(schema), args)).to.deep.equal([
        `Content-Disposition: form-data; name="name"\r\n\r\n${Buffer.from('ü').toString('latin1')}`,
        'Content-Disposition: form-data; name="n"\r\n\r\n0',
        'Content-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n{"a":1}',
        'Content-Disposition: form-data; name="tags"\r\n\r\nx',
        'Content-Disposition: form-data; name="tags"\r\n\r\ny',
        `Content-Disposition: form-data; name="photo"; filename="photo"\r\nContent-Type: application/octet-stream\r\n\r\n${png.toString('latin1')}`,
      ]);
    });

    it('sends several files under one name, and a data URL with its type', async () => {
      const schema = object({ files: { type: 'array', items: file } });
      const args = { files: [`data:image/png;base64,${png.toString('base64')}`, 'AA=='] };
      expect(await parts(form(schema), args)).to.deep.equal([
        `Content-Disposition: form-data; name="files"; filename="files"\r\nContent-Type: image/png\r\n\r\n${png.toString('latin1')}`,
        'Content-Disposition: form-data; name="files"; filename="files"\r\nContent-Type: application/octet-stream\r\n\r\n\0',
      ]);
    });

    it('follows the encoding of a part', async () => {
      const schema = object({ photo: file, meta: { type: 'array', items: text }, 'a"b': text });
      const encoding = {
        photo: { contentType: 'image/png, image/jpeg' },
        meta: { contentType: 'application/json' },
      };
      expect(await parts(form(schema, encoding), { photo: 'AA==', meta: ['x'], a_b: 'c' })).to.deep.equal([
        'Content-Disposition: form-data; name="photo"; filename="photo"\r\nContent-Type: image/png\r\n\r\n\0',
        'Content-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n["x"]',
        'Content-Disposition: form-data; name="a%22b"\r\n\r\nc',
      ]);
    });

    it('knows a file of OpenAPI 3.1 and of Swagger 2.0', async () => {
      const schema = object({ photo: { type: 'string', contentMediaType: 'application/octet-stream' } });
      expect((await parts(form(schema), { photo: 'AA==' }))[0]).to.match(/filename="photo".*\0$/s);
      const fields = [{ name: 'photo', in: 'formData', type: 'file' }];
      const { openapi: _, ...document } = oneOperation('/a', 'post', { parameters: fields });
      expect((await parts({ swagger: '2.0', ...document }, { photo: 'AA==' }))[0]).to.match(
        /filename="photo".*\0$/s,
      );
    });

    it('tells the model that a file is base64, and refuses one that is not', async () => {
      const document = form(object({ photo: file }));
      expect((await bench.toolOf(document)).parameters['properties']).to.deep.equal({
        photo: { type: 'string', format: 'binary', description: 'A file (its bytes in base64)' },
      });
      const { seen, result } = await bench.call(document, { photo: 'this is no base64!' });
      expect([seen, (result['error'] as JsonObject)['message']]).to.deep.equal([
        [],
        '"photo" has to be the file\'s bytes in base64.',
      ]);
    });
  });

  describe('others', () => {
    it('text goes as it is', async () => {
      expect(await sent(post({ 'text/plain': { schema: text } }), { body: 'a\nb' })).to.include({
        type: 'text/plain',
        body: 'a\nb',
      });
    });

    it('XML is text, even where an object is described', async () => {
      const document = post({ 'application/xml': { schema: object({ a: text }) } });
      expect((await bench.toolOf(document)).parameters['properties']).to.deep.equal({
        body: { type: 'string', description: 'Text of the type application/xml' },
      });
      expect(await sent(document, { body: '<a/>' })).to.include({ type: 'application/xml', body: '<a/>' });
    });

    for (const [type, schema] of [
      ['application/octet-stream', file],
      ['image/png', file],
      ['application/pdf', undefined],
      ['application/x-firmware', file],
    ] as [string, JsonObject | undefined][]) {
      it(`${type} is sent as the bytes in the base64 text`, async () => {
        expect(await sent(post({ [type]: schema ? { schema } : {} }), { body: '/wAB' })).to.include({
          type,
          body: '\xff\0\x01',
        });
      });
    }

    it('any kind of image takes its type from the argument or from a data URL', async () => {
      const document = post({ 'image/*': { schema: file } });
      expect(await properties(document)).to.deep.equal(['body', 'Content-Type']);
      expect((await sent(document, { body: 'AA==', 'Content-Type': 'image/gif' })).type).to.equal(
        'image/gif',
      );
      expect((await sent(document, { body: 'AA==' })).type).to.equal('application/octet-stream');
    });

    it('a GET with a body sends it', async () => {
      const content = { 'application/json': { schema: object({ a: text }) } };
      const { request, body } = await sent(oneOperation('/a', 'get', { requestBody: { content } }), {
        a: 'x',
      });
      expect([request.method, body]).to.deep.equal(['GET', '{"a":"x"}']);
    });
  });

  describe('with several media types', () => {
    const a = object({ a: text });
    for (const [types, chosen] of [
      [['application/xml', 'application/json'], 'application/json'],
      [['application/x-www-form-urlencoded', 'multipart/form-data'], 'application/x-www-form-urlencoded'],
      [['text/plain', 'application/vnd.x+json'], 'application/vnd.x+json'],
      [['application/json-patch+json', 'application/merge-patch+json'], 'application/merge-patch+json'],
      [['application/octet-stream', 'multipart/form-data'], 'multipart/form-data'],
    ] as [string[], string][]) {
      it(`${types.join(' and ')}: ${chosen}`, async () => {
        const { type } = await sent(post(Object.fromEntries(types.map((one) => [one, { schema: a }]))), {
          a: 'x',
        });
        expect(type?.split(';')[0]).to.equal(chosen);
      });
    }

    it('leaves out media types that only repeat JSON', async () => {
      const types = ['application/json', 'text/json', 'application/*+json'];
      const document = post(Object.fromEntries(types.map((type) => [type, { schema: a }])));
      expect(await properties(document)).to.deep.equal(['a']);
      expect((await sent(post({ 'application/*+json': { schema: a } }), { a: 'x' })).type).to.equal(
        'application/json',
      );
    });

    it('prefers one with a schema', async () => {
      const { type } = await sent(
        post({ 'application/json': {}, 'application/x-www-form-urlencoded': { schema: a } }),
        { a: 'x' },
      );
      expect(type).to.equal('application/x-www-form-urlencoded');
    });

    it('the caller may set another that takes the same arguments', async () => {
      const form = 'application/x-www-form-urlencoded';
      const document = post({
        'application/json': { schema: a },
        [form]: { schema: a },
        'text/csv': { schema: text },
      });
      expect((await bench.toolOf(document)).parameters['properties']).to.deep.include({
        'Content-Type': {
          type: 'string',
          enum: ['application/json', form],
          description: "The body's media type; application/json unless given",
        },
      });
      expect(await sent(document, { a: 'x', 'Content-Type': form })).to.include({ type: form, body: 'a=x' });
    });

    it('has the properties of all of them', async () => {
      const content = {
        'application/json': { schema: object({ url: text }, { required: ['url'] }) },
        'multipart/form-data': { schema: object({ photo: file }, { required: ['photo'] }) },
      };
      const document = post(content);
      expect(await properties(document)).to.deep.equal(['url', 'photo', 'Content-Type']);
      expect((await bench.toolOf(document)).parameters['required']).to.equal(undefined);
      const [part] = await parts(document, { photo: 'AA==', 'Content-Type': 'multipart/form-data' });
      expect(part).to.contain('name="photo"; filename="photo"');
    });
  });
});
