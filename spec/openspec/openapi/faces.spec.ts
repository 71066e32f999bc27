import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

describe('openapi: the face of a tool', () => {
  let bench: OpenapiBench;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());

  const body = (type: string, schema: JsonValue, more: JsonObject = {}): JsonObject => ({
    requestBody: { required: true, ...more, content: { [type]: { schema } } },
  });
  const properties = async (operation: JsonObject) =>
    (await bench.toolOf(oneOperation('/a', 'post', operation))).parameters['properties'] as Record<
      string,
      JsonObject
    >;

  describe('says that a body of bytes is given in base64', () => {
    const bytes = { type: 'string', format: 'binary' };
    for (const [title, schema, more, expected] of [
      ['without a description', bytes, {}, 'A file (its bytes in base64)'],
      [
        'described by the body',
        bytes,
        { description: 'The new firmware.' },
        'The new firmware. (its bytes in base64)',
      ],
      [
        'described by the schema',
        { ...bytes, description: 'An image.' },
        {},
        'An image. (its bytes in base64)',
      ],
      [
        'described as an object',
        { type: 'object', properties: { a: {} } },
        {},
        'A file (its bytes in base64)',
      ],
      ['described as anything', {}, { description: '  ' }, 'A file (its bytes in base64)'],
    ] as const) {
      it(title, async () => {
        expect((await properties(body('application/octet-stream', schema, more)))['body']).to.deep.equal({
          type: 'string',
          description: expected,
        });
      });
    }

    it('also after a very long description', async () => {
      const description = 'words '.repeat(1000);
      const whole = await properties(body('image/png', bytes, { description }));
      const part = await properties(
        body('multipart/form-data', { type: 'object', properties: { picture: { ...bytes, description } } }),
      );
      for (const schema of [whole['body'], part['picture']]) {
        expect(schema?.['description'])
          .to.match(/… \(its bytes in base64\)$/)
          .and.to.have.length.at.most(1024);
      }
    });

    it('and sends the bytes', async () => {
      const document = oneOperation(
        '/a',
        'post',
        body('application/zip', { type: 'object', properties: { a: {} } }),
      );
      const { seen } = await bench.call(document, { body: 'UEsDBA==' });
      expect(seen.map((one) => one.body.toString('latin1'))).to.deep.equal(['PK\u0003\u0004']);
    });
  });

  it('asks for no header that belongs to the connection', async () => {
    const names = [
      'Content-Length',
      'Transfer-Encoding',
      'Host',
      'CONNECTION',
      'Upgrade',
      'TE',
      'Expect',
      'X-Own',
    ];
    const operation = {
      parameters: names.map((name) => ({ name, in: 'header', required: true, schema: { type: 'string' } })),
      ...body('application/json', { type: 'object', properties: { on: { type: 'boolean' } } }),
    };
    expect(Object.keys(await properties(operation))).to.deep.equal(['X-Own', 'on']);
    const { seen, result } = await bench.call(oneOperation('/a', 'post', operation), {
      'X-Own': 'a',
      on: true,
    });
    expect(result['error']).to.equal(undefined);
    expect(
      seen.map(({ headers }) => [headers.host, headers['content-length'], headers['x-own']]),
    ).to.deep.equal([[new URL(bench.device.url).host, '11', 'a']]);
  });

  describe('leaves a body open where the document does', () => {
    const open = async (schema: JsonObject, type = 'application/json') =>
      (await bench.toolOf(oneOperation('/a', 'post', body(type, schema)))).parameters['additionalProperties'];
    const members = { type: 'object', properties: { on: { type: 'boolean' } } };

    it('by saying nothing, or true, or a schema', async () => {
      expect(await open(members)).to.equal(true);
      expect(await open(members, 'application/x-www-form-urlencoded')).to.equal(true);
      expect(await open({ ...members, additionalProperties: true })).to.equal(true);
      expect(await open({ ...members, additionalProperties: { type: 'string' } })).to.deep.equal({
        type: 'string',
      });
      expect(await open({ ...members, additionalProperties: false })).to.equal(false);
    });

    it('and sends the other members in the body', async () => {
      const document = oneOperation('/a', 'post', {
        parameters: [{ name: 'q', in: 'query', schema: { type: 'string' } }],
        ...body('application/json', {
          ...members,
          properties: { ...members.properties, id: { readOnly: true } },
        }),
      });
      const { seen } = await bench.call(document, { on: true, q: 'x', id: 5, other: { deep: [1] } });
      expect(seen.map((one) => [one.url, one.body.toString()])).to.deep.equal([
        ['/a?q=x', '{"on":true,"id":5,"other":{"deep":[1]}}'],
      ]);
    });

    it('but not a form of Swagger 2.0, and not an operation without a body', async () => {
      const form = await bench.toolOf({
        swagger: '2.0',
        info: { title: 'T', version: '1' },
        paths: { '/a': { post: { parameters: [{ name: 'f', in: 'formData', type: 'string' }] } } },
      });
      const plain = await bench.toolOf(oneOperation('/a', 'get', {}));
      expect([form, plain].map(({ parameters }) => parameters['additionalProperties'])).to.deep.equal([
        false,
        false,
      ]);
    });
  });

  it('has a description where the document gives white space', async () => {
    for (const said of [{ summary: ' ', description: '\n\t ' }, { summary: ' ' }, { description: '   ' }]) {
      const tool = await bench.toolOf(oneOperation('/a', 'get', said));
      expect(tool.description).to.equal('GET /a');
    }
    const told = await bench.toolOf(oneOperation('/a', 'get', { summary: ' ', description: ' Reads. ' }));
    expect(told.description).to.equal('Reads.');
    const schema = { type: 'string', description: 'A name.' };
    const parameters = [{ name: 'q', in: 'query', description: ' ', schema }];
    const tool = await bench.toolOf(oneOperation('/a', 'get', { parameters }));
    expect(tool.parameters['properties']).to.deep.equal({ q: schema });
  });
});
