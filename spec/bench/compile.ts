import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../lib/common/json.ts';
import { openapi } from '../../lib/openspec/openapi/openapi.ts';
import { parseText } from '../../lib/openspec/parse.ts';
import { median, table } from './table.ts';
import { noHttp } from '../support/no-http.ts';

const CORPUS = process.env['CORPUS_DIR'] ?? join(import.meta.dirname, '../../../shared/corpus');
const ROUNDS = 5;

/** What it costs to turn an OpenAPI document into tools: to parse it, to load it, and to write all its schemas. */
export async function run(): Promise<void> {
  const documents: [string, string][] = [20, 200, 11_422].map((count) => [
    `${count} operations`,
    JSON.stringify(madeUp(count)),
  ]);
  for (const name of ['github.json', 'docusign.json', 'kubernetes-1.13-swagger2.json']) {
    const path = join(CORPUS, 'openapi', name);
    if (existsSync(path)) documents.push([name, readFileSync(path, 'utf8')]);
  }
  const rows: Record<string, string | number>[] = [];
  for (const [name, text] of documents) {
    const times: { parse: number; load: number; schemas: number }[] = [];
    let tools = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const start = performance.now();
      const { document } = await parseText(text);
      const parsed = performance.now();
      const spec = await openapi(noHttp).compile(document, {});
      const loaded = performance.now();
      tools = spec.tools.filter((tool) => tool.parameters['type'] === 'object').length;
      times.push({ parse: parsed - start, load: loaded - parsed, schemas: performance.now() - loaded });
    }
    const middle = (pick: keyof (typeof times)[number]) => median(times.map((time) => time[pick]));
    rows.push({
      document: name,
      tools,
      'parse ms': middle('parse'),
      'load ms': middle('load'),
      'schemas ms': middle('schemas'),
    });
  }
  console.log(table(rows));
}

/** A document of a device with many channels. */
function madeUp(count: number): JsonObject {
  const paths: JsonObject = {};
  const schemas: JsonObject = { Status: { type: 'object', properties: { power: { type: 'string' } } } };
  for (let at = 0; at < count; at += 1) {
    const target = { type: 'number', minimum: 0, maximum: 100, description: `Target value of channel ${at}` };
    const properties = {
      target,
      mode: { enum: ['auto', 'heat', 'cool'] },
      last: { $ref: '#/components/schemas/Status' },
    };
    schemas[`Channel${at}`] = { type: 'object', required: ['target'], properties };
    paths[`/channels/${at}/{id}`] = {
      post: {
        operationId: `setChannel${at}`,
        summary: `Sets channel ${at} of the device.`,
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'dryRun', in: 'query', schema: { type: 'boolean' } },
        ],
        requestBody: {
          content: { 'application/json': { schema: { $ref: `#/components/schemas/Channel${at}` } } },
        },
        responses: {
          200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Status' } } } },
        },
      },
    };
  }
  return { openapi: '3.0.3', info: { title: 'Channels', version: '1' }, paths, components: { schemas } };
}
