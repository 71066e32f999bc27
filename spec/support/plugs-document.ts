import type { JsonObject } from '../../lib/common/json.ts';

const json = (schema: JsonObject): JsonObject => ({ 'application/json': { schema } });
const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });
const reply = (description: string, schema?: JsonObject): JsonObject =>
  schema === undefined ? { description } : { description, content: json(schema) };
const id: JsonObject = { name: 'plugId', in: 'path', required: true, schema: { type: 'integer' } };

/** Plugs behind HTTP, for specs of simulated devices: a collection, its members, settings, and odd ways to write. */
export const plugsDocument: JsonObject = {
  openapi: '3.1.0',
  info: { title: 'Plugs', version: '1' },
  servers: [{ url: 'http://plugs.local/api' }],
  paths: {
    '/plugs': {
      get: {
        operationId: 'listPlugs',
        parameters: [
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } },
          { name: 'tag', in: 'query', schema: { type: 'array', items: { enum: ['a', 'b'] } } },
        ],
        responses: { '200': reply('all', { type: 'array', items: ref('Plug') }) },
      },
      post: {
        operationId: 'addPlug',
        requestBody: { required: true, content: json(ref('Plug')) },
        responses: { '201': reply('made', ref('Plug')), '400': reply('wrong', ref('Fault')) },
      },
    },
    '/plugs/{plugId}': {
      parameters: [id],
      get: {
        operationId: 'getPlug',
        responses: { '200': reply('one', ref('Plug')), '404': reply('none', ref('Fault')) },
      },
      put: { requestBody: { content: json(ref('Plug')) }, responses: { '200': reply('new', ref('Plug')) } },
      patch: {
        requestBody: { content: { 'application/merge-patch+json': { schema: ref('Plug') } } },
        responses: { '200': reply('changed', ref('Plug')) },
      },
      delete: { operationId: 'removePlug', responses: { '204': reply('gone') } },
    },
    '/plugs/{plugId}/power': {
      parameters: [id],
      put: {
        operationId: 'switchPlug',
        requestBody: {
          required: true,
          content: json({ type: 'object', required: ['on'], properties: { on: { type: 'boolean' } } }),
        },
        responses: {
          '200': reply('done', {
            type: 'object',
            properties: { ok: { const: true }, on: { type: 'boolean' } },
          }),
        },
      },
    },
    '/getMode': {
      get: { operationId: 'getMode', responses: { '200': reply('mode', { enum: ['eco', 'boost'] }) } },
    },
    '/setMode': {
      post: {
        operationId: 'setMode',
        parameters: [{ name: 'mode', in: 'query', required: true, schema: { enum: ['eco', 'boost'] } }],
        responses: { '204': reply('set') },
      },
    },
    '/config': { get: { responses: { '200': reply('now', ref('Config')) } } },
    '/config/apply': {
      post: {
        requestBody: {
          content: { ...json(ref('Config')), 'application/x-www-form-urlencoded': { schema: ref('Config') } },
        },
        responses: { '202': reply('later') },
      },
    },
    '/picture': { get: { responses: { '200': { description: 'png', content: { 'image/png': {} } } } } },
    '/report': {
      get: {
        responses: { '200': { description: 'text', content: { 'text/plain': { example: 'all well' } } } },
      },
    },
    '/feed': {
      get: {
        responses: {
          '200': { description: 'xml', content: { 'application/xml': { schema: ref('Config') } } },
        },
      },
    },
    '/reset': { post: { responses: { default: reply('whatever') } } },
  },
  components: {
    schemas: {
      Plug: {
        type: 'object',
        required: ['name'],
        properties: {
          id: { type: 'integer', readOnly: true },
          name: { type: 'string', example: 'desk' },
          on: { type: 'boolean' },
          watts: { type: 'number', minimum: 0, maximum: 100 },
        },
        additionalProperties: false,
      },
      Config: {
        type: 'object',
        properties: {
          host: { type: 'string', format: 'ipv4' },
          net: { type: 'object', properties: { dhcp: { type: 'boolean' } } },
        },
      },
      Fault: { type: 'object', properties: { message: { type: 'string' }, status: { type: 'integer' } } },
    },
  },
};
