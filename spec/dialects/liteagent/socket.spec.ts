import { expect } from 'chai';
import { openTestServer, type TestServer } from '../../support/test-server.ts';

describe('the LiteAgent socket', () => {
  let server: TestServer;
  before(async () => {
    server = await openTestServer();
  });
  after(() => server.close());

  it('answers ping with pong', async () => {
    const { id } = await server.session();
    const socket = await server.connect(`/api/chat?id=${id}`).open();
    socket.ws.send('ping');
    expect(await socket.take(1)).to.deep.equal(['pong']);
  });
});
