import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { openEgress } from '../../../lib/drivers/egress.ts';
import { createHttpDriver } from '../../../lib/drivers/http.ts';
import { openapi } from '../../../lib/openspec/openapi/openapi.ts';
import type { CompiledSpec, CompileOptions } from '../../../lib/openspec/kind.ts';
import { describeOpenspecKind } from '../../contracts/openspec-kind.ts';

const egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
const kind = () => openapi(createHttpDriver({ egress, resultMaxBytes: 65_536 }));

const rooms: JsonObject = {
  openapi: '3.0.3',
  info: { title: 'Rooms', version: '1' },
  servers: [{ url: 'http://127.0.0.1:9/api' }],
  paths: {
    '/rooms/{id}/light': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      get: { summary: 'Reads the light' },
      put: {
        operationId: 'set light!',
        tags: ['light'],
        summary: 'Sets the light',
        description: 'Between 0 and 100.',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['level', 'since'],
                properties: {
                  level: { type: 'integer', minimum: 0, maximum: 100 },
                  since: { type: 'string', format: 'date-time', readOnly: true },
                },
              },
            },
          },
        },
      },
    },
    '/broken': { post: { parameters: [{ $ref: '#/components/parameters/Gone' }] } },
  },
};

const petstore: JsonObject = {
  swagger: '2.0',
  info: { title: 'Pets', version: '1' },
  host: '127.0.0.1:9',
  paths: {
    '/pets': {
      post: {
        parameters: [{ name: 'pet', in: 'body', required: true, schema: { $ref: '#/definitions/Pet' } }],
      },
      get: { parameters: [{ name: 'ids', in: 'query', type: 'array', items: { type: 'integer' } }] },
    },
  },
  definitions: {
    Pet: { type: 'object', properties: { name: { type: 'string' }, parent: { $ref: '#/definitions/Pet' } } },
  },
};

describeOpenspecKind('openapi', {
  open: kind,
  documents: { 'a small document': rooms, 'a Swagger 2.0 document with a cycle': petstore },
  empty: { openapi: '3.1.0', info: { title: 'x', version: '1' }, webhooks: {} },
  unusable: {
    'an unknown version': { openapi: '4.0.0', paths: {} },
    'a list of paths': { openapi: '3.0.0', paths: [] },
  },
  foreign: { 'an OpenRPC document': { openrpc: '1.2.6', methods: [] }, 'an empty object': {} },
});

describe('openapi', () => {
  after(() => egress.close());

  const compile = (document: JsonObject, options: CompileOptions = {}): Promise<CompiledSpec> =>
    kind().compile(document, options);

  it('makes a tool of each operation, and gives the reason for a skipped one', async () => {
    const spec = await compile(rooms);
    expect(spec.title).to.equal('Rooms');
    expect(
      spec.tools.map(({ name, operation, effect, description }) => [name, operation, effect, description]),
    ).to.deep.equal([
      ['GET-rooms-id-light', 'GET /rooms/{id}/light', 'read', 'Reads the light'],
      ['set_light', 'PUT /rooms/{id}/light', 'write', 'Sets the light\n\nBetween 0 and 100.'],
    ]);
    expect(spec.skipped).to.deep.equal([
      { operation: 'POST /broken', reason: "a parameter's $ref leads nowhere: #/components/parameters/Gone" },
    ]);
    expect(spec.tools[1]?.parameters).to.deep.equal({
      type: 'object',
      properties: { id: { type: 'string' }, level: { type: 'integer', minimum: 0, maximum: 100 } },
      required: ['id', 'level'],
      // The document says nothing about other members of the body.
      additionalProperties: true,
    });
  });
});
