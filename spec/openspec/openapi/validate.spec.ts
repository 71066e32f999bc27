import { expect } from 'chai';
import type { CompileOptions } from '../../../lib/openspec/kind.ts';
import { openapi } from '../../../lib/openspec/openapi/openapi.ts';
import { validateOpenapi } from '../../../lib/openspec/openapi/validate.ts';
import { noHttp } from '../../support/no-http.ts';

describe('openapi validation', () => {
  const info = { title: 'x', version: '1' };

  it('finds nothing in a valid document, and leaves it as it is', async () => {
    const pet = { type: 'object', properties: { parent: { $ref: '#/components/schemas/Pet' } } };
    const document = Object.freeze({
      openapi: '3.0.3',
      info,
      paths: {},
      components: { schemas: { Pet: pet } },
    });
    expect(await validateOpenapi(document)).to.deep.equal([]);
    expect(pet.properties.parent).to.deep.equal({ $ref: '#/components/schemas/Pet' });
  });

  for (const version of ['3.0.3', '3.1.0'])
    it(`finds nothing in an operation that is a $ref, which is followed, in ${version}`, async () => {
      const paths = { '/a': { get: { $ref: 'resources/a.yml' } } };
      expect(await validateOpenapi({ openapi: version, info, paths })).to.deep.equal([]);
    });

  it('lists the faults, once for each place', async () => {
    const document = {
      openapi: '3.0.3',
      info: { ...info, extra: 1 },
      servers: [{ url: 'http://device' }],
      paths: { '/a': { get: { responses: {}, parameters: [{ name: 'x' }] } } },
    };
    const findings = await validateOpenapi(document);
    expect(findings).to.include('/info/extra is not known');
    expect(findings.filter((text) => text.startsWith('/paths/~1a/get/parameters/0 '))).to.have.length(1);
  });

  for (const version of ['3.0.3', '3.1.0'])
    it(`names each key that is not known, and the one that was meant, in ${version}`, async () => {
      const get = { operationID: 'a', summry: '', responses: { 200: { descripton: 'ok' } } };
      const findings = await validateOpenapi({
        openapi: version,
        info,
        pathes: {},
        paths: { '/a': { gett: {}, get } },
      });
      expect(findings).to.include.members([
        '/pathes is not known; did you mean "paths"?',
        '/paths/~1a/gett is not known; did you mean "get"?',
        '/paths/~1a/get/operationID is not known; did you mean "operationId"?',
        '/paths/~1a/get/summry is not known; did you mean "summary"?',
        '/paths/~1a/get/responses/200/descripton is not known; did you mean "description"?',
      ]);
      expect(findings.filter((text) => !text.includes('is not known'))).to.deep.equal([
        "/paths/~1a/get/responses/200 must have required property 'description'",
      ]);
    });

  it('doubts no key of a parameter that lacks another', async () => {
    const get = {
      parameters: [{ in: 'query', schema: { type: 'string' } }],
      responses: { 200: { description: '' } },
    };
    const document = { openapi: '3.0.3', info, paths: { '/a': { get } } };
    expect(await validateOpenapi(document)).to.deep.equal([
      "/paths/~1a/get/parameters/0 must have required property 'name'",
    ]);
  });

  it('gives twenty findings, and says how many more there are', async () => {
    const paths = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`/p${at}`, { get: {} }]));
    const findings = await validateOpenapi({ openapi: '3.0.3', info, paths });
    expect(findings).to.have.length(21);
    expect(findings[20]).to.match(/^and \d+ more findings$/);
  });

  it('reads no other document', async () => {
    const document = {
      openapi: '3.0.3',
      info,
      paths: { '/a': { $ref: 'http://127.0.0.1:9/x.yaml' }, '/b': { $ref: '/etc/hostname' } },
    };
    expect(await validateOpenapi(document)).to.deep.equal([]);
  });

  it('has nothing to say on versions it does not know', async () => {
    expect(await validateOpenapi({ openapi: '3.2.0', info, paths: {} })).to.deep.equal([]);
  });

  it('is part of the warnings where it is asked for', async () => {
    const document = {
      openapi: '3.0.3',
      info: { ...info, extra: 1 },
      servers: [{ url: 'http://device' }],
      paths: { '/a': { get: { responses: { 200: { description: '' } } } } },
    };
    const compile = async (options: CompileOptions) =>
      (await openapi(noHttp).compile(document, options)).warnings;
    expect(await compile({})).to.deep.equal([]);
    expect(await compile({ validate: true })).to.deep.equal(['/info/extra is not known']);
  });

  it('survives a value that is no document at all', async () => {
    expect(await validateOpenapi({ openapi: 3 })).to.have.length(1);
  });
});
