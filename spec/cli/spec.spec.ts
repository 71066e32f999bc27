import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { readSpec } from '../../lib/cli/spec.ts';
import { jsonAnswer, openSite } from '../../lib/simulate/http-site.ts';
import { refusalOf } from '../support/refusal.ts';

describe('readSpec', () => {
  const folder = fileURLToPath(new URL('../../examples', import.meta.url));

  /** The message for a document that cannot be read. */
  async function refusal(place: string): Promise<string> {
    const error = await refusalOf(readSpec(place, folder));
    expect(error.code).to.equal('not_found');
    return error.message;
  }

  it('reads a file, relative to a folder', async () => {
    const { text, source } = await readSpec('robot.openrpc.json', folder);
    expect(JSON.parse(text)).to.have.property('openrpc');
    expect(source).to.equal(`${folder}/robot.openrpc.json`);
  });

  it('reads a URL', async () => {
    const site = await openSite({
      answer: ({ path }) => (path === '/spec' ? jsonAnswer(200, 'text') : { status: 404 }),
    });
    try {
      expect(await readSpec(`${site.url}/spec`)).to.deep.equal({
        text: '"text"',
        source: `${site.url}/spec`,
      });
      expect(await refusal(`${site.url}/x`)).to.equal(
        `${site.url}/x cannot be read: it answers 404 Not Found`,
      );
    } finally {
      await site.close();
    }
  });

  it('says why a document cannot be read', async () => {
    expect(await refusal('missing.json')).to.equal('missing.json cannot be read: there is no such file');
    expect(await refusal('.')).to.match(/^\. cannot be read: EISDIR/);
    expect(await refusal('http://127.0.0.1:1/spec')).to.match(
      /^http:\S+ cannot be read: (connect ECONNREFUSED|bad port)/,
    );
  });
});
