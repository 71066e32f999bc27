// A WebSocket client: npx tsx examples/client.ts <session id> "Turn on the light in the kitchen"
// The session comes from POST /api/init; see session.sh.
import { WebSocket } from 'ws';

const [session = '', sentence = ''] = process.argv.slice(2);
const server = process.env['SERVER'] ?? 'ws://127.0.0.1:9527/api';
if (session === '' || sentence === '') {
  console.error('usage: npx tsx examples/client.ts <session id> <sentence>');
  process.exit(2);
}

const socket = new WebSocket(`${server}/chat?id=${session}`);

socket.on('open', () => socket.send(JSON.stringify({ type: 'text', message: sentence })));

socket.on('message', (data: Buffer) => {
  const { from, to, message, type, code } = JSON.parse(data.toString());
  if (type === 'error') return console.error(code, message);
  console.log(`${from} → ${to}:`, typeof message === 'string' ? message : JSON.stringify(message));
  // Every task ends in exactly one of these two.
  if (message === '[TASK_DONE]' || message === '[TASK_STOP]') socket.close();
});

socket.on('close', (code) => (process.exitCode = code === 1005 || code === 1000 ? 0 : 1));
socket.on('error', (error) => console.error(error.message));
