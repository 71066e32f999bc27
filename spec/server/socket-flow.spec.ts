import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import { flowOf } from '../../lib/server/socket-flow.ts';
import { waitFor } from '../support/wait-for.ts';

/** More than the buffers of the operating system take from one write. */
const FLOOD_BYTES = 1 << 26;

describe('the flow of a socket', () => {
  it('shows the progress inside one large write', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
    peer.pause();
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => undefined);
    try {
      expect(flowOf(socket)).to.deep.equal({ read: 0, taken: 0, behind: false });
      socket.write(Buffer.alloc(FLOOD_BYTES));
      await waitFor(() => flowOf(socket).taken > 0);
      expect(flowOf(socket).taken).to.be.below(FLOOD_BYTES);
      const before = flowOf(socket).taken;
      peer.resume();
      // The write is not complete, yet more of it was taken.
      await waitFor(() => flowOf(socket).taken > before);
      await waitFor(() => !flowOf(socket).behind);
      expect(flowOf(socket)).to.deep.equal({ read: 0, taken: FLOOD_BYTES, behind: false });
      peer.write('hello');
      await waitFor(() => flowOf(socket).read === 5);
    } finally {
      peer.destroy();
      socket.destroy();
      server.close();
      await once(server, 'close');
    }
    expect(flowOf(socket).taken, 'after the close').to.equal(FLOOD_BYTES);
  });
});
