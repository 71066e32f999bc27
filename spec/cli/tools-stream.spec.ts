import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { JsonObject } from '../../lib/common/json.ts';
import { runTools } from '../../lib/cli/tools.ts';

describe('lite-agent tools --json', () => {
  it('prints a large document in pieces, warnings included', async () => {
    const count = 3000;
    const folder = await mkdtemp(join(tmpdir(), 'tools-stream-'));
    const place = join(folder, 'large.json');
    const schema = { type: 'object', properties: { on: { $ref: '#/components/schemas/None' } } };
    const post = {
      responses: { 200: { description: 'ok' } },
      requestBody: { content: { 'application/json': { schema } } },
    };
    const paths = Object.fromEntries(Array.from({ length: count }, (_, n) => [`/p${n}`, { post }]));
    const document = {
      openapi: '3.0.0',
      info: { title: 'Large', version: '1' },
      servers: [{ url: 'http://device' }],
      paths,
    };
    await writeFile(place, JSON.stringify(document));
    const chunks: string[] = [];
    const stdout = new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk.toString());
        done();
      },
    });
    try {
      expect(await runTools(place, { json: true }, { stdout })).to.equal(0);
    } finally {
      await rm(folder, { recursive: true });
    }
    const printed = JSON.parse(chunks.join('')) as JsonObject;
    expect(Object.keys(printed)).to.deep.equal(['kind', 'operations', 'tools', 'skipped', 'warnings']);
    expect([printed['operations'], (printed['tools'] as JsonObject[]).length]).to.deep.equal([count, count]);
    expect((printed['warnings'] as string[])[0]).to.match(
      /^The \$ref "#\/components\/schemas\/None" at #\/paths/,
    );
    expect(chunks.length).to.be.above(5);
    for (const chunk of chunks.slice(0, -1)) expect(chunk.length).to.be.below(128 * 1024);
  });
});
