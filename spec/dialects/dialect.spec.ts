import { expect } from 'chai';
import { readConfig, route, type Dialect } from '../../lib/index.ts';
import { quiet } from '../../lib/log.ts';
import { openServer } from '../../lib/server/server.ts';
import { openTestAccounts } from '../support/accounts.ts';

/** A dialect by somebody else, written with the public names only. It takes one part. */
const greeting: Dialect<'version'> = {
  name: 'greeting',
  mount({ version }) {
    return {
      name: 'greeting',
      prefixes: ['/greeting'],
      routes: [
        route({
          method: 'GET',
          path: '/greeting/:name',
          summary: 'Greets somebody.',
          access: 'open',
          query: { type: 'object', properties: { word: { type: 'string' } } },
          handle: ({ params, query }) => ({ text: `${query.word ?? 'Hello'}, ${params.name}`, version }),
        }),
      ],
      sockets: [],
      anonymous: undefined,
      formatError: ({ code }) => ({ contentType: 'text/plain', body: code }),
    };
  },
};

describe('a dialect by somebody else', () => {
  it('gets its parts, its path parameters and its query, and formats its errors', async () => {
    const accounts = await openTestAccounts({});
    const config = { ...readConfig({ env: {}, cwd: '/' }), port: 0 };
    const mounts = [greeting.mount({ version: '7' })];
    const server = await openServer({ config, mounts, ...accounts, log: quiet });
    try {
      const answer = await fetch(`${server.url}/greeting/Ada?word=Hi`);
      expect(await answer.json()).to.deep.equal({ text: 'Hi, Ada', version: '7' });
      const missing = await fetch(`${server.url}/greeting`);
      expect([missing.status, await missing.text()]).to.deep.equal([404, 'not_found']);
    } finally {
      await server.close();
      await accounts.close();
    }
  });
});
