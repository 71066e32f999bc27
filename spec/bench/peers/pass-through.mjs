// The least that a server can do for `/chat/send`: it asks the model and hands its stream on as it comes. Nothing is checked,
// read or stored.
import { createServer, request as ask, Agent } from 'node:http';
import { pipeline } from 'node:stream';

const agent = new Agent({ keepAlive: true });
const server = createServer((request, response) => {
  const model = ask(`${process.env.MODEL_URL}/chat/completions`, {
    agent,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  });
  model.on('response', (answer) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    pipeline(answer, response, () => {});
  });
  model.on('error', () => response.destroy());
  pipeline(request, model, () => {});
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
