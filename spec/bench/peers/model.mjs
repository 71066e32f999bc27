// A fake: an OpenAI-compatible endpoint that needs no time to think. "CALL n" in the last user message: n rounds of one
// call of the first tool, then a text; anything else: the text at once. GET /stats counts what was served.
import http from 'node:http';

const FINAL = 'Device status: PASS. The device answered code 200, all is well.';
const USAGE = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
const stats = { requests: 0, messages: 0 };
let last = 0;

function nextCall(body) {
  let rounds = 0;
  for (const message of body.messages.toReversed()) {
    if (message.role === 'assistant' && message.tool_calls?.length) rounds += 1;
    if (message.role !== 'user') continue;
    const text =
      typeof message.content === 'string'
        ? message.content
        : message.content.map((part) => part.text ?? '').join('');
    const wanted = /\bCALL (\d+)/.exec(text);
    const name = body.tools?.[0]?.function?.name;
    return wanted && name && rounds < Number(wanted[1]) ? name : undefined;
  }
  return undefined;
}

function answer(body, response) {
  stats.requests += 1;
  stats.messages += body.messages.length;
  last += 1;
  const name = nextCall(body);
  const call = name && {
    index: 0,
    id: `call_${last}`,
    type: 'function',
    function: { name, arguments: '{}' },
  };
  const meta = { id: `chatcmpl-${last}`, created: 1_700_000_000, model: 'mock' };
  const finish = call ? 'tool_calls' : 'stop';
  if (!body.stream) {
    const message = { role: 'assistant', content: call ? null : FINAL, ...(call && { tool_calls: [call] }) };
    const choices = [{ index: 0, message, finish_reason: finish }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...meta, object: 'chat.completion', choices, usage: USAGE }));
    return;
  }
  const event = (delta, end = null) =>
    `data: ${JSON.stringify({ ...meta, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: end }] })}\n\n`;
  const pieces = call
    ? [{ role: 'assistant', tool_calls: [call] }]
    : FINAL.match(/.{1,8}/g).map((content) => ({ content }));
  const usage = `data: ${JSON.stringify({ ...meta, object: 'chat.completion.chunk', choices: [], usage: USAGE })}\n\n`;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(pieces.map((piece) => event(piece)).join('') + event({}, finish) + usage + 'data: [DONE]\n\n');
}

const server = http.createServer((request, response) => {
  if (request.url === '/stats') return response.end(JSON.stringify(stats));
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => answer(JSON.parse(Buffer.concat(parts)), response));
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
