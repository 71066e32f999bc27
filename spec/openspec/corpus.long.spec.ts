import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type JsonObject } from '../../lib/common/json.ts';
import type { CompiledSpec } from '../../lib/openspec/kind.ts';
import { openapi } from '../../lib/openspec/openapi/openapi.ts';
import { parseText } from '../../lib/openspec/parse.ts';
import { faultsOfTool } from '../contracts/openspec-kind.ts';
import { noHttp } from '../support/no-http.ts';

const CORPUS = process.env['CORPUS_DIR'] ?? join(import.meta.dirname, '../../../shared/corpus');
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

interface Row {
  name: string;
  spec: CompiledSpec;
  document: JsonObject;
  bytes: number;
  loadMs: number;
  schemaMs: number;
}

describe('openapi on real documents', function () {
  this.timeout(60_000);
  const folder = join(CORPUS, 'openapi');
  const rows: Row[] = [];

  before(async function () {
    if (!existsSync(folder)) {
      console.log(`      skipped: there is no ${folder} (CORPUS_DIR names another place)`);
      this.skip();
    }
    const names = readdirSync(folder).filter((name) => /\.(json|ya?ml)$/.test(name));
    for (const name of [...names, 'openhue.d/src/main.yaml'].filter((one) => existsSync(join(folder, one)))) {
      const { document } = await parseText(readFileSync(join(folder, name), 'utf8'));
      const start = performance.now();
      const spec = await openapi(noHttp).compile(document, { source: join(folder, name) });
      const loaded = performance.now();
      const bytes = spec.tools.reduce((sum, tool) => sum + Buffer.byteLength(JSON.stringify(face(tool))), 0);
      rows.push({
        name,
        spec,
        document,
        bytes,
        loadMs: loaded - start,
        schemaMs: performance.now() - loaded,
      });
    }
  });

  after(() => {
    const line = (cells: (string | number)[]) =>
      console.log(
        `      ${cells.map((cell, at) => (at === 0 ? String(cell).padEnd(36) : String(cell).padStart(10))).join('')}`,
      );
    if (rows.length === 0) return;
    line(['document', 'operations', 'tools', 'skipped', 'trimmed', 'KB', 'load ms', 'schema ms']);
    for (const { name, spec, bytes, loadMs, schemaMs } of rows) {
      const trimmed = spec.warnings.filter((text) => text.includes('too large')).length;
      line([
        name,
        spec.operations,
        spec.tools.length,
        spec.skipped.length,
        trimmed,
        Math.round(bytes / 1024),
        loadMs.toFixed(1),
        schemaMs.toFixed(1),
      ]);
      const reasons = new Map<string, number>();
      for (const { reason } of spec.skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      for (const [reason, count] of reasons) console.log(`        skipped ${count}: ${reason}`);
    }
    const sum = (pick: (row: Row) => number) => rows.reduce((total, row) => total + pick(row), 0);
    line([
      `${rows.length} documents`,
      sum(({ spec }) => spec.operations),
      sum(({ spec }) => spec.tools.length),
      sum(({ spec }) => spec.skipped.length),
      '',
      Math.round(sum(({ bytes }) => bytes) / 1024),
      sum(({ loadMs }) => loadMs).toFixed(0),
      sum(({ schemaMs }) => schemaMs).toFixed(0),
    ]);
  });

  it('counts every operation of every document once', () => {
    for (const { name, spec, document } of rows) {
      const all = [...spec.tools, ...spec.skipped].map(({ operation }) => operation);
      expect(all.length, name).to.equal(spec.operations);
      expect(new Set(all).size, name).to.equal(all.length);
      const written = Object.entries(isObject(document['paths']) ? document['paths'] : {}).flatMap(
        ([path, item]) =>
          METHODS.filter((method) => isObject(item) && isObject(item[method])).map(
            (method) => `${method.toUpperCase()} ${path}`,
          ),
      );
      expect(all, name).to.include.members(written);
    }
  });

  it('skips no operation but those whose $refs lead nowhere', () => {
    for (const { name, spec } of rows) {
      for (const { operation, reason } of spec.skipped)
        expect(reason, `${name} ${operation}`).to.contain('$ref leads nowhere');
    }
  });

  it('makes no tool that a model API refuses', () => {
    for (const { name, spec } of rows) {
      for (const tool of spec.tools) expect(faultsOfTool(tool), `${name} ${tool.name}`).to.deep.equal([]);
      expect(new Set(spec.tools.map((tool) => tool.name)).size, name).to.equal(spec.tools.length);
    }
  });

  it('keeps every tool within its budget', () => {
    for (const { name, spec } of rows) {
      for (const tool of spec.tools)
        expect(Buffer.byteLength(JSON.stringify(tool.parameters)), `${name} ${tool.name}`).to.be.below(
          12.5 * 1024,
        );
    }
  });

  it('loses no argument: each parameter of each operation has its key, and each body its properties or itself', () => {
    let checked = 0;
    for (const { name, spec, document } of rows) {
      if (name.includes('/')) continue; // written in other files
      for (const tool of spec.tools) {
        const [method = '', path = ''] = tool.operation.split(/ (.*)/s);
        const item = at(document, ['paths', path]);
        const operation = at(item, [method.toLowerCase()]);
        const parameters = [...list(item, 'parameters'), ...list(operation, 'parameters')].map((one) =>
          followed(document, one),
        );
        const wanted = parameters.filter((one) => isSent(one, path)).map((one) => text(one, 'name'));
        const bodies = parameters.filter((one) => one['in'] === 'body').map((one) => one['schema']);
        const content = at(followed(document, at(operation, ['requestBody'])), ['content']);
        if (isObject(content['application/json'])) bodies.push(content['application/json']['schema']);
        for (const body of bodies) wanted.push(...bodyNames(followed(document, body), document));
        const lost = wanted.filter((one) => !hasKey(tool.parameters, one));
        expect(lost, `${name} ${tool.operation}`).to.deep.equal([]);
        checked += wanted.length;
      }
    }
    expect(checked).to.be.above(rows.length);
  });

  it('loads in little more time than a copy of the document takes', () => {
    for (const { name, document, loadMs } of rows) {
      if (name.includes('/')) continue; // most of the time goes into its other files
      const start = performance.now();
      structuredClone(document);
      const copyMs = performance.now() - start;
      // 100 ms for the first document, whose code is not compiled yet.
      expect(loadMs, name).to.be.below(30 * copyMs + 100);
    }
  });
});

const face = ({ name, description, parameters }: CompiledSpec['tools'][number]) => ({
  name,
  description,
  parameters,
});

function at(node: unknown, path: string[]): JsonObject {
  let value: unknown = node;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return isObject(value) ? value : {};
}

function list(node: JsonObject, key: string): unknown[] {
  return Array.isArray(node[key]) ? node[key] : [];
}

function text(node: JsonObject, key: string): string {
  const value = node[key];
  return typeof value === 'string' ? value : '';
}

function isSent(parameter: JsonObject, path: string): boolean {
  const [name, place] = [text(parameter, 'name'), text(parameter, 'in')];
  if (place === 'body') return false;
  if (place === 'path') return path.includes(`{${name}}`);
  return place !== 'header' || !/^(accept|content-type|authorization)$/i.test(name);
}

/** The properties of a plainly written object; of any other body "body". */
function bodyNames(schema: JsonObject, document: JsonObject): string[] {
  if (['allOf', 'anyOf', 'oneOf'].some((word) => schema[word] !== undefined)) return [];
  const properties = Object.entries(isObject(schema['properties']) ? schema['properties'] : {});
  if (properties.length === 0) return ['body'];
  return properties
    .filter(([, value]) => followed(document, value)['readOnly'] !== true && !isReadOnly(value))
    .map(([key]) => key);
}

function isReadOnly(value: unknown): boolean {
  return isObject(value) && (value['readOnly'] === true || list(value, 'allOf').some(isReadOnly));
}

/** Whether an argument stands for a name of the wire: by that key, with its place, by its description, or inside the whole body. */
function hasKey({ properties }: JsonObject, name: string): boolean {
  const entries = Object.entries(isObject(properties) ? properties : {});
  return entries.some(
    ([key, schema]) =>
      key === name ||
      key.startsWith(`${name}__`) ||
      key === 'body' ||
      (isObject(schema) && text(schema, 'description').includes(`"${name}"`)),
  );
}

/** An independent, simple follower of local `$ref`s. */
function followed(document: JsonObject, node: unknown): JsonObject {
  if (!isObject(node)) return {};
  if (typeof node['$ref'] !== 'string') return node;
  const path = node['$ref']
    .slice(2)
    .split('/')
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'));
  return followed(document, at(document, path));
}
