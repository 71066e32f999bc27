import { expect } from 'chai';
import fc from 'fast-check';
import { isObject, type JsonObject, type JsonValue } from '../../../lib/common/json.ts';
import { SpecError } from '../../../lib/errors.ts';
import { faultsOfTool } from '../../contracts/openspec-kind.ts';
import { openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

const S = '#/components/schemas/';

/** A document that uses most of what there is. */
const rich = (): JsonObject => ({
  openapi: '3.1.0',
  info: { title: 'Rich', version: '1' },
  servers: [{ url: 'http://127.0.0.1:9/{v}', variables: { v: { default: 'v1', enum: ['v1'] } } }],
  security: [{ key: [] }, { oauth: ['a'] }],
  paths: {
    '/a/{id}': {
      parameters: [
        {
          name: 'id',
          in: 'path',
          required: true,
          style: 'matrix',
          explode: true,
          schema: { type: ['integer', 'null'] },
        },
      ],
      get: {
        operationId: 'a.get',
        summary: 'Gets',
        tags: ['x'],
        parameters: [
          { $ref: '#/components/parameters/Page' },
          { name: 'filter', in: 'query', style: 'deepObject', schema: { $ref: `${S}Node` } },
          {
            name: 'q',
            in: 'query',
            content: { 'application/json': { schema: { type: 'array', items: { type: 'string' } } } },
          },
        ],
        responses: { 200: { content: { 'application/json': { schema: {} } } } },
      },
      put: {
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                allOf: [
                  { $ref: `${S}Node` },
                  { type: 'object', properties: { b: { enum: [1, 2] } }, required: ['b'] },
                ],
              },
            },
            'multipart/form-data': {
              schema: { type: 'object', properties: { f: { type: 'string', format: 'binary' } } },
              encoding: { f: { contentType: 'image/png' } },
            },
          },
        },
        servers: [{ url: '/other' }],
        security: [],
        'x-lite-agent-effect': 'read',
      },
      post: { requestBody: { content: { 'text/plain': { schema: { type: 'string' } } } } },
    },
  },
  components: {
    parameters: { Page: { name: 'page', in: 'query', schema: { type: 'integer', minimum: 0, default: 0 } } },
    schemas: {
      Node: {
        type: 'object',
        properties: { next: { $ref: `${S}Node` }, v: { oneOf: [{ type: 'string' }, { $ref: `${S}Node` }] } },
        additionalProperties: { type: 'string' },
      },
    },
    securitySchemes: {
      key: { type: 'apiKey', in: 'header', name: 'X-Key' },
      oauth: { type: 'oauth2', flows: { clientCredentials: { tokenUrl: '/t' } } },
    },
  },
});

const old = (): JsonObject => ({
  swagger: '2.0',
  info: { title: 'Old', version: '1' },
  host: '127.0.0.1:9',
  basePath: '/v1',
  schemes: ['http'],
  consumes: ['application/json'],
  paths: {
    '/b': {
      post: {
        parameters: [
          { name: 'pet', in: 'body', schema: { $ref: '#/definitions/Pet' } },
          { name: 'ids', in: 'query', type: 'array', items: { type: 'integer' }, collectionFormat: 'pipes' },
        ],
      },
      put: {
        consumes: ['multipart/form-data'],
        parameters: [
          { name: 'f', in: 'formData', type: 'file' },
          { name: 'n', in: 'formData', type: 'integer', required: true },
        ],
      },
    },
  },
  definitions: {
    Pet: {
      type: 'object',
      required: ['n'],
      properties: { n: { type: 'string', readOnly: true }, o: { $ref: '#/definitions/Pet' } },
    },
  },
  securityDefinitions: { b: { type: 'basic' } },
  security: [{ b: [] }],
});

/** Every place in a document, as a path of keys. */
function placesIn(value: JsonValue | undefined, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => placesIn(child, [...path, key]))];
}

function put(document: JsonObject, path: string[], value: JsonValue): void {
  let node: JsonValue | undefined = document;
  for (const key of path.slice(0, -1)) node = (node as JsonObject | undefined)?.[key];
  const last = path.at(-1);
  if (last !== undefined && typeof node === 'object' && node !== null)
    (node as JsonObject)[last] = structuredClone(value);
}

const junk = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>,
  fc.constantFrom<JsonValue>(null, true, [], {}, [null], '', 'object', '#', '#/', 'x', -1, 1e308, [
    'object',
    'nonsense',
  ]),
  fc
    .constantFrom(
      '#/paths',
      '#/components/schemas/Node',
      '#/components',
      '#/definitions/Pet',
      '%',
      '../x.yaml',
      '#/info/title',
    )
    .map(($ref) => ({ $ref })),
);

describe('openapi with anything anywhere', () => {
  let bench: OpenapiBench;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());

  for (const [name, make] of [
    ['3.1', rich],
    ['2.0', old],
  ] as const) {
    it(`compiles a ${name} document, or says that it cannot; its tools are sound and resolve`, async function () {
      this.timeout(30_000);
      const places = placesIn(make()).filter((path) => path.length > 0);
      const changes = fc.array(fc.tuple(fc.constantFrom(...places), junk), { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(
          changes,
          fc.dictionary(fc.constantFrom('id', 'body', 'filter', 'f', 'n', 'b', 'q', 'ids', 'o'), junk),
          async (list, args) => {
            const document = make();
            for (const [path, value] of list) put(document, path, value);
            const before = JSON.stringify(document);
            const spec = await bench.compile(document).catch((error: unknown) => {
              if (error instanceof SpecError) return undefined;
              throw error;
            });
            expect(JSON.stringify(document)).to.equal(before);
            if (spec === undefined) return;
            expect(spec.tools.length + spec.skipped.length).to.equal(spec.operations);
            expect(spec.warnings.every((warning) => typeof warning === 'string')).to.equal(true);
            for (const tool of spec.tools) {
              expect(faultsOfTool(tool)).to.deep.equal([]);
              const signal = AbortSignal.abort();
              const connection = {
                server: bench.device.url,
                credentials: { key: 'k', b: 'u:p', oauth: { clientId: 'i', clientSecret: 's' } },
              };
              expect(isObject(await tool.call(args, { connection, signal, timeoutMs: 100 }))).to.equal(true);
            }
          },
        ),
        { numRuns: 300 },
      );
    });
  }
});
