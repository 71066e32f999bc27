import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createConsoleSender, createWebhookSender } from '../../lib/accounts/senders.ts';
import { quiet } from '../../lib/log.ts';

const message = { to: '+8613800000000', text: 'Your code is 123456.', code: '123456' };

describe('senders', () => {
  it('write into the log', async () => {
    const lines: unknown[] = [];
    const log = { ...quiet, info: (fields: object, line: string) => void lines.push([fields, line]) };
    await createConsoleSender(log, 'SMS').send(message);
    expect(lines).to.deep.equal([[{ to: message.to }, 'SMS: Your code is 123456.']]);
  });

  it('post to a webhook, and report a webhook that refused', async () => {
    const got: unknown[] = [];
    let status = 204;
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        got.push([request.method, request.url, request.headers['content-type'], JSON.parse(body)]);
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sms`;
    const sender = createWebhookSender(url, fetch);
    await sender.send(message);
    expect(got).to.deep.equal([
      ['POST', '/sms', 'application/json', { telephone: message.to, text: message.text, code: message.code }],
    ]);
    status = 500;
    const failed = await sender.send(message).catch((error: unknown) => String(error));
    expect(failed).to.equal('Error: The webhook answered with the status 500.');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const gone = await sender.send(message).catch((error: unknown) => String(error));
    expect(gone).to.match(/^Error: The webhook cannot be reached: /);
  });
});
