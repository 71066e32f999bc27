import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../support/openapi-bench.ts';
import { documentOf, openOpenrpcBench, type OpenrpcBench } from '../support/openrpc.ts';

describe('openspec: the device of a tool', () => {
  let http: OpenapiBench;
  let rpc: OpenrpcBench;
  before(async () => {
    [http, rpc] = await Promise.all([openOpenapiBench(), openOpenrpcBench()]);
  });
  after(() => Promise.all([http.close(), rpc.close()]));

  const servers: [JsonObject, string | undefined, string | undefined][] = [
    [{ servers: [{ url: 'http://lamp:8080/api/v1?x=1' }] }, undefined, 'http://lamp:8080'],
    [{ servers: [{ url: 'http://LAMP:80/' }] }, undefined, 'http://lamp'],
    [{ servers: [{ url: 'http://lamp/' }] }, 'https://pump:443/rpc', 'https://pump'],
    [{ servers: [{ url: 'http://lamp/' }] }, 'localhost:9', 'http://localhost:9'],
    [{ servers: [{ url: 'ftp://lamp/' }] }, undefined, undefined],
    [{ servers: [{ url: '/relative' }] }, undefined, undefined],
  ];
  for (const [more, server, expected] of servers) {
    it(`is ${expected ?? 'unknown'} for ${JSON.stringify(more['servers'])} and the server ${server}`, async () => {
      const connection = server === undefined ? {} : { server };
      const [operation, method] = await Promise.all([
        http.toolOf(oneOperation('/a', 'get', {}, more)),
        rpc.compile(documentOf({}, more)).then(({ tools }) => tools[0]),
      ]);
      expect([operation.device?.(connection), method?.device?.(connection)]).to.deep.equal([
        expected,
        expected,
      ]);
    });
  }
});
