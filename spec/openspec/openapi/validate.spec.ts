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

  it('lists the faults, once for each place', async () => {
    const document = {
      openapi: '3.0.3',
      info: { ...info, extra: 1 },
      servers: [{ url: 'http://device' }],
      paths: { '/a': { get: { responses: {}, parameters: [{ name: 'x' }] } } },
    };
    const findings = await validateOpenapi(document);
    expect(findings).to.include('/info must NOT have additional properties ("extra")');
    expect(findings.filter((text) => text.startsWith('/paths/~1a/get/parameters/0 '))).to.have.length(1);
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
    expect(await compile({ validate: true })).to.deep.equal([
      '/info must NOT have additional properties ("extra")',
    ]);
  });

  it('survives a value that is no document at all', async () => {
    expect(await validateOpenapi({ openapi: 3 })).to.have.length(1);
  });
});
