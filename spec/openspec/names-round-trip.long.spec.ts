import { expect } from 'chai';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type JsonObject, type JsonValue } from '../../lib/common/json.ts';
import type { HttpDriver, HttpRequest } from '../../lib/drivers/http.ts';
import type { JsonrpcCall, JsonrpcDriver } from '../../lib/drivers/jsonrpc.ts';
import { readFilesBeside } from '../../lib/openspec/files.ts';
import { openapi } from '../../lib/openspec/openapi/openapi.ts';
import { OperationTool } from '../../lib/openspec/openapi/operation-tool.ts';
import { operationsOf } from '../../lib/openspec/openapi/operations.ts';
import { requestShapeOf, type RequestShape } from '../../lib/openspec/openapi/request-shape.ts';
import { readArguments } from '../../lib/openspec/openapi/simulator/arguments.ts';
import { readBody } from '../../lib/openspec/openapi/simulator/body.ts';
import { methodEntriesOf } from '../../lib/openspec/openrpc/methods.ts';
import { openrpc } from '../../lib/openspec/openrpc/openrpc.ts';
import { parseText } from '../../lib/openspec/parse.ts';
import { textAt } from '../../lib/openspec/read.ts';
import { viewOf } from '../../lib/openspec/schema/schema-view.ts';
import { SpecDocument } from '../../lib/openspec/spec-document.ts';
import { ArgumentSampler, nameFaults } from '../support/name-trip.ts';

const CORPUS = process.env['CORPUS_DIR'] ?? join(import.meta.dirname, '../../../shared/corpus');
const context = {
  connection: { server: 'http://127.0.0.1:1/' },
  signal: new AbortController().signal,
  timeoutMs: 1000,
};
/** Each operation is called so often, with the next member of every choice. */
const TURNS = [0, 1, 2];

/** A device that records each request, and accepts it. */
function recorder(): { http: HttpDriver; last: () => HttpRequest | undefined } {
  let last: HttpRequest | undefined;
  const http: HttpDriver = {
    exchange: () => Promise.reject(new Error('not called')),
    follow: () => Promise.reject(new Error('not called')),
    resultOf: () => ({}),
    async send(request) {
      last = request;
      return Promise.resolve({ statusCode: 200, body: '' });
    },
  };
  return { http, last: () => last };
}

/** The files of a folder of the corpus; the documents of several files by their first one. */
function documentsIn(folder: string): string[] {
  if (!existsSync(join(CORPUS, folder))) return [];
  const names = readdirSync(join(CORPUS, folder)).filter((name) => /\.(json|ya?ml)$/.test(name));
  return [...names, 'openhue.d/src/main.yaml'].filter((name) => existsSync(join(CORPUS, folder, name)));
}

/** The faults of one call: the names in the body and in the objects of the query, against the document. */
async function faultsOfRequest(
  tool: OperationTool,
  shape: RequestShape,
  document: SpecDocument,
  args: JsonObject,
  request: HttpRequest,
  extras: ArgumentSampler['extras'],
): Promise<string[]> {
  const { plan } = tool;
  const faults: string[] = [];
  const [, query = ''] = request.path.split('?');
  const seen = readArguments(document, shape.parameters, { variables: {}, query, headers: {} });
  const inBody = { ...args };
  for (const argument of plan.arguments) {
    delete inBody[argument.key];
    const value = args[argument.key];
    if (argument.in !== 'query' || !isObject(value)) continue;
    const parameter = shape.parameters.find(
      ({ in: place, name }) => place === 'query' && name === argument.name,
    );
    const schema = viewOf(document, parameter?.node['schema'], parameter?.home ?? document.root);
    const received = seen.values.query[argument.name];
    const at = { pointer: `/query/${argument.name}`, withValues: false };
    if (received !== undefined) faults.push(...nameFaults(value, received, [schema], extras, at));
  }
  const { body } = plan;
  if (body?.contentTypeKey !== undefined) delete inBody[body.contentTypeKey];
  const [choice] = body?.choices ?? [];
  if (body === undefined || choice === undefined || request.body === undefined) return faults;
  const whole = body.properties === undefined ? inBody[body.key ?? ''] : inBody;
  const bytes = Buffer.from(request.body);
  const schemas = body.choices.map((one) => viewOf(document, one.schema, one.home));
  if (choice.kind === 'json') {
    const received = JSON.parse(bytes.toString()) as JsonValue;
    return [...faults, ...nameFaults(whole ?? null, received, schemas, extras)];
  }
  if (choice.kind !== 'form' && choice.kind !== 'multipart') return faults;
  const headers = { 'content-type': request.headers['content-type'] };
  // The texts of a form do not fit every schema. Only the names are looked at here.
  const loose = {
    ...shape.body!,
    mediaTypes: shape.body!.mediaTypes.map((media) => ({ ...media, schema: {} })),
  };
  const read = await readBody(document, loose, { headers, body: bytes } as unknown as Parameters<
    typeof readBody
  >[2]);
  if ('faults' in read) return [...faults, JSON.stringify(read.faults)];
  return [...faults, ...nameFaults(whole ?? null, read.value, schemas, extras, { withValues: false })];
}

describe('openspec: the names of real documents', function () {
  this.timeout(120_000);
  const folder = join(CORPUS, 'openapi');
  before(function () {
    if (existsSync(folder)) return;
    console.log(`      skipped: there is no ${folder} (CORPUS_DIR names another place)`);
    this.skip();
  });

  for (const name of documentsIn('openapi')) {
    it(`arrive in the bodies and queries of ${name}`, async () => {
      const source = join(folder, name);
      const { document: root } = await parseText(await readFile(source, 'utf8'));
      const { files } = await readFilesBeside(root, source);
      const document = new SpecDocument(root, files, source);
      const device = recorder();
      const { tools } = await openapi(device.http).compile(root, { source });
      const byOperation = new Map(tools.map((tool) => [tool.operation, tool]));
      const faults: string[] = [];
      for (const found of operationsOf(document, [])) {
        const { method, path } = found;
        const tool = byOperation.get(`${method} ${path}`);
        const shape = requestShapeOf(document, found);
        if (!(tool instanceof OperationTool) || typeof shape === 'string') continue;
        for (const turn of TURNS) {
          const sampler = new ArgumentSampler(tool.parameters, turn);
          const args = sampler.sample();
          if (tool.plan.body?.contentTypeKey !== undefined) delete args[tool.plan.body.contentTypeKey];
          const { error } = await tool.call(args, context);
          const request = device.last();
          expect(error, tool.operation).to.equal(undefined);
          if (request === undefined) throw new Error(`${tool.operation} was not sent`);
          const found = await faultsOfRequest(tool, shape, document, args, request, sampler.extras);
          faults.push(...found.map((fault) => `${tool.operation} ${fault}`));
        }
      }
      expect(faults.slice(0, 20)).to.deep.equal([]);
    });
  }

  for (const name of documentsIn('openrpc')) {
    it(`arrive in the params of ${name}`, async () => {
      const { document: root } = await parseText(await readFile(join(CORPUS, 'openrpc', name), 'utf8'));
      const calls: JsonrpcCall[] = [];
      const driver: JsonrpcDriver = {
        call: async (call) => Promise.resolve({ statusCode: 200, body: String(calls.push(call)) }),
        ask: async () => Promise.reject(new Error('nothing is asked here')),
      };
      const document = new SpecDocument(root);
      const { tools } = await openrpc(driver).compile(root, { paramStructure: 'by-name' });
      const faults: string[] = [];
      for (const method of methodEntriesOf(root)) {
        const node = document.object(method, root)?.node ?? {};
        const tool = tools.find(({ operation }) => operation === node['name']);
        if (tool === undefined) continue;
        const params = (Array.isArray(node['params']) ? node['params'] : []).map(
          (param) => document.object(param, root)?.node ?? {},
        );
        const properties = Object.fromEntries(
          params.map((param) => [textAt(param, 'name') ?? '', param['schema'] ?? {}]),
        );
        for (const turn of TURNS) {
          const sampler = new ArgumentSampler(tool.parameters, turn);
          const args = sampler.sample();
          calls.length = 0;
          await tool.call(args, context);
          const [call] = calls;
          const sent = Array.isArray(call?.params)
            ? Object.fromEntries(call.params.map((value, at) => [textAt(params[at], 'name') ?? '', value]))
            : (call?.params ?? {});
          const view = viewOf(document, { properties }, root);
          const found = nameFaults(args, sent, [view], sampler.extras);
          faults.push(...found.map((fault) => `${tool.operation} ${fault}`));
        }
      }
      expect(faults.slice(0, 20)).to.deep.equal([]);
    });
  }
});
