// A fake: an OpenAI-compatible endpoint that says as many words as the model's name asks for (`words-1000`), one an event.
import { createServer } from 'node:http';

const meta = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock"';
const word = `data: {${meta},"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n`;
const last = `data: {${meta},"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;

function drained(response) {
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.on('drain', go).on('close', go);
  });
}

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => void talk(body, response));
});

async function talk(body, response) {
  const count = Number(/words-(\d+)/.exec(body)?.[1] ?? 1);
  response.on('error', () => {});
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let said = 0; said < count && !response.destroyed; said += 1)
    if (!response.write(word)) await drained(response);
  response.end(last);
}

server.keepAliveTimeout = 600_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
