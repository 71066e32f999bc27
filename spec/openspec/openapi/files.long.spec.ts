import { expect } from 'chai';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { JsonObject } from '../../../lib/common/json.ts';
import { parseText } from '../../../lib/openspec/parse.ts';
import { openOpenapiBench, type OpenapiBench } from '../../support/openapi-bench.ts';

describe('openapi documents of several files', () => {
  let bench: OpenapiBench;
  let folder: string;
  before(async () => {
    bench = await openOpenapiBench();
  });
  after(() => bench.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openapi-files-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function compileFiles(files: Record<string, string>, isFile = true) {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const { document } = await parseText(files['api/main.yaml'] ?? '');
    return bench.compile(document, isFile ? { source: join(folder, 'api/main.yaml') } : {});
  }

  const main = `
openapi: 3.0.3
info: { title: Several, version: '1' }
paths:
  /lights/{id}: { $ref: paths/light.yaml }
  /all: { $ref: 'paths/more.json#/~1all' }
`;
  const light = `
parameters:
  - $ref: ../common.yaml#/id
put:
  requestBody: { content: { application/json: { schema: { $ref: '../schemas/light%20state.yaml' } } } }
`;
  const files = {
    'api/main.yaml': main,
    'api/paths/light.yaml': light,
    'api/paths/more.json':
      '{"/all":{"get":{"parameters":[{"name":"q","in":"query","schema":{"$ref":"../schemas/light%20state.yaml#/properties/on"}}]}}}',
    'api/common.yaml':
      'id: { name: id, in: path, required: true, schema: { $ref: "#/types/id" } }\ntypes: { id: { type: integer } }',
    'api/schemas/light state.yaml':
      'type: object\nproperties: { on: { type: boolean }, parent: { $ref: "./light%20state.yaml" }, main: { $ref: "../main.yaml#/info" } }',
  };

  it('are read beside the document, each $ref relative to its own file', async () => {
    const spec = await compileFiles(files);
    expect(spec.warnings).to.deep.equal([]);
    expect(spec.tools.map(({ operation }) => operation)).to.deep.equal(['PUT /lights/{id}', 'GET /all']);
    const [put = {}, get = {}] = spec.tools.map((tool) => tool.parameters['properties'] as JsonObject);
    expect(put['id']).to.deep.equal({ type: 'integer' });
    expect(Object.keys(put)).to.deep.equal(['id', 'on', 'parent', 'main']);
    expect(get).to.deep.equal({ q: { type: 'boolean' } });
  });

  it('may have each operation in a file of its own, whose $refs are relative to that file', async () => {
    const spec = await compileFiles({
      'api/main.yaml': `
openapi: 3.0.3
info: { title: Ocean, version: '1' }
components: { schemas: { $ref: 'resources/schemas.yml' } }
paths:
  /actions/{id}:
    parameters: [{ $ref: 'resources/parameters.yml#/id' }]
    get: { $ref: 'resources/actions/get.yml' }
    post: { $ref: 'resources/actions/post.yml', tags: [mine] }
    delete: { $ref: 'resources/actions/none.yml' }
`,
      'api/resources/parameters.yml': 'id: { name: id, in: path, required: true, schema: { type: integer } }',
      'api/resources/schemas.yml': 'Action: { $ref: models/action.yml }',
      'api/resources/models/action.yml':
        'type: object\nproperties: { kind: { $ref: "kind.yml" }, name: { type: string } }',
      'api/resources/models/kind.yml': 'type: string\nenum: [on, off]',
      'api/resources/actions/get.yml':
        'operationId: getAction\ndescription: Reads.\nparameters: [{ $ref: "../more.yml#/page" }]',
      'api/resources/more.yml': 'page: { name: page, in: query, schema: { $ref: "models/kind.yml" } }',
      'api/resources/actions/post.yml':
        'operationId: postAction\nrequestBody: { required: true, content: { application/json: { schema: { $ref: "../../main.yaml#/components/schemas/Action" } } } }',
    });
    expect(spec.tools.map(({ name, description }) => [name, description])).to.deep.equal([
      ['getAction', 'Reads.'],
      ['postAction', 'POST /actions/{id}'],
    ]);
    const kind = { type: 'string', enum: ['on', 'off'] };
    expect(spec.tools.map(({ parameters }) => parameters['properties'])).to.deep.equal([
      { id: { type: 'integer' }, page: kind },
      { id: { type: 'integer' }, kind, name: { type: 'string' } },
    ]);
    expect(spec.skipped).to.deep.equal([
      {
        operation: 'DELETE /actions/{id}',
        reason: "the operation's $ref leads nowhere: resources/actions/none.yml",
      },
    ]);
  });

  it('may have thousands of files', async () => {
    const count = 2907;
    const members = Array.from({ length: count }, (_, n) => `m${n}: { $ref: m/${n}.json }`);
    const spec = await compileFiles({
      'api/main.yaml': `
openapi: 3.0.3
info: { title: Many, version: '1' }
paths: { /a: { get: { parameters: [{ name: q, in: query, schema: { $ref: 'm/${count - 1}.json' } }] } } }
components: { schemas: { ${members.join(', ')} } }
`,
      ...Object.fromEntries(members.map((_, n) => [`api/m/${n}.json`, '{"type":"integer"}'])),
    });
    expect(spec.warnings).to.deep.equal([]);
    expect(spec.tools[0]?.parameters['properties']).to.deep.equal({ q: { type: 'integer' } });
  }).timeout(30_000);

  it('read no file for a document that a client sent', async () => {
    const spec = await compileFiles(files, false);
    expect([spec.operations, spec.warnings.length]).to.deep.equal([0, 3]);
  });

  it('lose only the operations that need a file that is missing, broken, or outside the folder', async () => {
    await writeFile(join(folder, 'secret.yaml'), 'put: {}');
    await mkdir(join(folder, 'api'), { recursive: true });
    await symlink(join(folder, 'secret.yaml'), join(folder, 'api/link.yaml'));
    const spec = await compileFiles({
      'api/main.yaml': `${main}  /gone: { $ref: gone.yaml }\n  /bad: { $ref: bad.yaml }\n  /up: { $ref: ../secret.yaml }\n  /link: { $ref: link.yaml }\n  /net: { $ref: 'https://127.0.0.1:9/x.yaml' }\n`,
      ...Object.fromEntries(Object.entries(files).slice(1)),
      'api/bad.yaml': '{"a": ',
    });
    expect(spec.tools).to.have.length(2);
    const warnings = spec.warnings.join('\n').replaceAll(folder, '');
    for (const said of [
      'The file gone.yaml cannot be read: there is no such file',
      'The file bad.yaml cannot be read: The document is not valid JSON',
      "The file ../secret.yaml is not read: it is not in the document's folder",
      "The file link.yaml is not read: it is not in the document's folder",
      ...['gone', 'bad', 'up', 'link', 'net'].map((path) => `The path /${path} leads nowhere`),
    ]) {
      expect(warnings).to.contain(said);
    }
  });
});
