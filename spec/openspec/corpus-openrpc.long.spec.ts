import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type JsonObject } from '../../lib/common/json.ts';
import type { JsonrpcCall, JsonrpcDriver } from '../../lib/drivers/jsonrpc.ts';
import type { CompiledSpec } from '../../lib/openspec/kind.ts';
import { openrpc } from '../../lib/openspec/openrpc/openrpc.ts';
import { parseText } from '../../lib/openspec/parse.ts';
import { modelFaults } from '../support/model-schema.ts';

// Real documents, written by others: data beside the project, not a part of it.
const folder = join(process.env['CORPUS_DIR'] ?? '../shared/corpus', 'openrpc');

interface Row {
  document: string;
  methods: number;
  tools: number;
  skipped: string;
  bytes: number;
  largest: number;
  ms: number;
}

/** Methods and parameters as the document has them, read without the code under test. */
function listed(document: JsonObject): { name: string; params: number }[] {
  const methods = Array.isArray(document['methods']) ? document['methods'] : [];
  return methods.map((method) => ({
    name: isObject(method) && typeof method['name'] === 'string' ? method['name'] : '',
    params: isObject(method) && Array.isArray(method['params']) ? method['params'].length : 0,
  }));
}

describe('openspec: real OpenRPC documents', function () {
  if (!existsSync(folder)) {
    it(`are not at ${folder} (CORPUS_DIR names another place)`, function () {
      this.skip();
    });
    return;
  }
  const rows: Row[] = [];
  const calls: JsonrpcCall[] = [];
  /** Takes what would be sent. */
  const recorder: JsonrpcDriver = {
    call: async (call) => Promise.resolve({ statusCode: 200, body: String(calls.push(call)) }),
    ask: async () => Promise.reject(new Error('nothing is asked here')),
  };
  const kind = openrpc(recorder);
  const names = readdirSync(folder).filter((name) => /\.(json|ya?ml)$/.test(name));

  it('are there', () => expect(names).not.to.deep.equal([]));

  after(() => console.table(rows));

  for (const name of names) {
    it(`${name}: every method is accounted for, every argument reaches the wire`, async () => {
      const { document } = await parseText(await readFile(join(folder, name), 'utf8'));
      const before = JSON.stringify(document);
      const started = performance.now();
      const spec: CompiledSpec = await kind.compile(document, {});
      const ms = Math.round((performance.now() - started) * 10) / 10;
      const { tools, skipped, operations, warnings } = spec;
      const sizes = tools.map(({ parameters }) => Buffer.byteLength(JSON.stringify(parameters)));
      rows.push({
        document: name,
        methods: operations,
        tools: tools.length,
        skipped: [...new Set(skipped.map(({ reason }) => reason.replaceAll(/"[^"]*"/g, '…')))].join('; '),
        bytes: sizes.reduce((sum, size) => sum + size, 0),
        largest: Math.max(0, ...sizes),
        ms,
      });

      const expected = listed(document);
      expect(tools.length + skipped.length).to.equal(operations);
      expect(operations).to.equal(expected.length);
      expect([...tools, ...skipped].map(({ operation }) => operation).toSorted()).to.deep.equal(
        expected.map(({ name: method }) => method).toSorted(),
      );
      expect(new Set(tools.map(({ name: tool }) => tool)).size).to.equal(tools.length);
      for (const { operation, reason } of skipped)
        expect(reason, operation).to.match(/\$ref "[^"]+" of .* leads nowhere/);
      expect(JSON.stringify(document)).to.equal(before);
      expect(new Set(warnings).size).to.equal(warnings.length);

      const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });
      for (const tool of tools) {
        expect(tool.name).to.match(/^[a-zA-Z0-9_-]{1,64}$/);
        expect(tool.description.length).to.be.within(1, 1024);
        expect(modelFaults(tool.parameters), tool.name).to.deep.equal([]);
        expect(() => ajv.compile(tool.parameters), tool.name).not.to.throw();
        const keys = Object.keys(tool.parameters['properties'] as JsonObject);
        const method = expected.find(({ name: one }) => one === tool.operation);
        expect(keys.length, tool.operation).to.equal(method?.params);
        calls.length = 0;
        await tool.call(Object.fromEntries(keys.map((key, index) => [key, index])), {
          connection: { server: 'http://127.0.0.1/' },
          signal: new AbortController().signal,
          timeoutMs: 1000,
        });
        const [call] = calls;
        expect(call?.method).to.equal(tool.operation);
        expect(Object.values(call?.params ?? {})).to.deep.equal(keys.map((_, index) => index));
      }
      for (const size of sizes) expect(size).to.be.lessThanOrEqual(8192);
    });
  }

  it('give the same tools every time', async () => {
    for (const name of names) {
      const { document } = await parseText(await readFile(join(folder, name), 'utf8'));
      const tools = async (): Promise<unknown> =>
        JSON.stringify((await openrpc(recorder).compile(document, {})).tools);
      expect(await tools()).to.equal(await tools());
    }
  });
});
