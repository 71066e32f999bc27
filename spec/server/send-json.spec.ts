import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { sendJsonList } from '../../lib/server/send-json.ts';

describe('sendJsonList', () => {
  let server: Server;
  let read = 0;
  before(async () => {
    async function* portions() {
      for (read = 0; read < 3;) yield [(read += 1)];
    }
    server = createServer((_, response) => void sendJsonList(response, portions())).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  async function ask(method: string): Promise<[status: number, type: string | null, text: string]> {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`, { method });
    return [response.status, response.headers.get('content-type'), await response.text()];
  }

  it('writes the items of all portions as one list', async () => {
    expect([await ask('GET'), read]).to.deep.equal([[200, 'application/json', '[1,2,3]'], 3]);
  });

  it('reads no more than the first portion for HEAD', async () => {
    expect([await ask('HEAD'), read]).to.deep.equal([[200, 'application/json', ''], 1]);
  });
});
