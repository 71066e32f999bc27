import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../lib/common/json.ts';
import { AppError } from '../../../lib/errors.ts';
import { openapiDialect } from '../../../lib/openspec/openapi/dialect.ts';
import { jsonSchemaDialect } from '../../../lib/openspec/schema/json-schema-dialect.ts';
import { ArgumentSchemas } from '../../../lib/openspec/schema/argument-schemas.ts';
import { SpecDocument } from '../../../lib/openspec/spec-document.ts';

/** The parameters of one argument `a`, and the way back from what a model gives for it. */
function argument(schema: JsonValue, definitions: JsonObject = {}, dialect = openapiDialect) {
  const schemas = new ArgumentSchemas(new SpecDocument(definitions), dialect);
  const made = schemas.parameters([{ name: 'a', schema, required: true }]);
  return {
    parameters: made.schema,
    sent: (a: JsonValue) => made.names.restore({ a }, made.schema)['a'],
  };
}

describe('openspec/schema: member names', () => {
  it('go back by their place: the same key elsewhere stays', () => {
    const { sent } = argument({
      type: 'object',
      properties: {
        meta: { type: 'object', properties: { '@type': { type: 'string' } } },
        light: { type: 'object', properties: { type: { type: 'string' } } },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        anything: {},
      },
    });
    expect(
      sent({
        meta: { type: 'lamp' },
        light: { type: 'led' },
        labels: { type: 'x' },
        anything: { deep: [{ type: 1 }] },
        unknown: { type: 2 },
      }),
    ).to.deep.equal({
      meta: { '@type': 'lamp' },
      light: { type: 'led' },
      labels: { type: 'x' },
      anything: { deep: [{ type: 1 }] },
      unknown: { type: 2 },
    });
  });

  it('go back in lists, in maps of objects, and in schemas that contain themselves', () => {
    const node = {
      type: 'object',
      properties: {
        $id: { type: 'integer' },
        children: { type: 'array', items: { $ref: '#/node' } },
        byName: { type: 'object', additionalProperties: { $ref: '#/node' } },
      },
    };
    for (const dialect of [openapiDialect, jsonSchemaDialect]) {
      const { sent, parameters } = argument({ $ref: '#/node' }, { node }, dialect);
      const [key = ''] = /_?id(?:_\w+)?(?=")/.exec(JSON.stringify(parameters)) ?? [];
      expect(
        sent({
          [key]: 1,
          children: [{ [key]: 2, children: [{ [key]: 3 }] }],
          byName: { [key]: { [key]: 4 } },
        }),
      ).to.deep.equal({
        $id: 1,
        children: [{ $id: 2, children: [{ $id: 3 }] }],
        byName: { [key]: { $id: 4 } },
      });
    }
  });

  it('go back as the fitting member of a choice says', () => {
    const { sent } = argument({
      anyOf: [
        {
          type: 'object',
          properties: { kind: { enum: ['odd'] }, '@value': { type: 'integer' } },
          required: ['kind'],
        },
        {
          type: 'object',
          properties: { kind: { enum: ['plain'] }, value: { type: 'integer' } },
          required: ['kind'],
        },
      ],
    });
    expect(sent({ kind: 'odd', value: 1 })).to.deep.equal({ kind: 'odd', '@value': 1 });
    expect(sent({ kind: 'plain', value: 1 })).to.deep.equal({ kind: 'plain', value: 1 });
  });

  it('never push a name aside that needs no replacement', () => {
    const { parameters, sent } = argument({
      type: 'object',
      properties: { '@type': { type: 'string' }, type: { type: 'string' } },
      required: ['@id', 'id'],
    });
    expect(
      Object.keys((parameters['properties'] as { a: JsonObject }).a['properties'] as JsonObject),
    ).to.include('type');
    expect(sent({ type: 'plain', type_2: 'odd', id: 1, id_2: 2 })).to.deep.equal({
      type: 'plain',
      '@type': 'odd',
      id: 1,
      '@id': 2,
    });
  });

  it('refuse two keys that mean one name', () => {
    const { sent } = argument({ type: 'object', properties: { '@type': { type: 'string' } } });
    expect(() => sent({ type: 'a', '@type': 'b' })).to.throw(
      AppError,
      '/a/@type gives "@type" a second time',
    );
  });

  it('keep a member that is called like the prototype', () => {
    const { sent } = argument({ type: 'object', properties: { '@x': {} } });
    const value = sent(JSON.parse('{"x": 1, "__proto__": {"x": 2}}') as JsonValue);
    expect(JSON.stringify(value)).to.equal('{"@x":1,"__proto__":{"x":2}}');
  });
});
