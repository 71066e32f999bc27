// A fake, run as a process of its own: an OpenAI-compatible endpoint whose answers are ready before anybody asks.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
const meta = { id: 'chatcmpl-1', created: 1_700_000_000, model: 'mock' };
const call = {
  id: 'call_1',
  type: 'function',
  function: { name: 'getStatus', arguments: '{}' },
};
const whole = Buffer.from(
  JSON.stringify({
    ...meta,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: null, tool_calls: [call] },
        finish_reason: 'tool_calls',
      },
    ],
    usage,
  }),
);
const event = (choices: unknown[], more = {}) =>
  `data: ${JSON.stringify({ ...meta, object: 'chat.completion.chunk', choices, ...more })}\n\n`;
const pieces = ['Device ', 'status: ', 'PASS. ', 'It ', 'answered ', '200, ', 'all ', 'is well.'];
const streamed = Buffer.from(
  [
    ...pieces.map((content) => event([{ index: 0, delta: { content }, finish_reason: null }])),
    event([{ index: 0, delta: {}, finish_reason: 'stop' }]),
    event([], { usage }),
    'data: [DONE]\n\n',
  ].join(''),
);

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    const stream = body.includes('"stream":true');
    const answer = stream ? streamed : whole;
    const type = stream ? 'text/event-stream' : 'application/json';
    response.writeHead(200, { 'content-type': type, ...(stream ? {} : { 'content-length': answer.length }) });
    response.end(answer);
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
