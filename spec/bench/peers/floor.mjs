// The floor: the least that a Node server does for one turn, by hand: undici and ws, no validation, no documents, no
// sessions, no recovery. FLOOR=sqlite: every envelope is stored before it is sent, one transaction per event-loop tick.
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Agent, request } from 'undici';
import { WebSocketServer } from 'ws';

const { PORT, MODEL_URL, DEVICE_URL, FLOOR, DB_FILE } = process.env;
const dispatcher = new Agent({ connections: 256, keepAliveTimeout: 60_000 });
const headers = { 'content-type': 'application/json', authorization: 'Bearer x' };
const parameters = { type: 'object', properties: {} };
const tools = [
  {
    type: 'function',
    function: { name: 'getStatus', description: 'Read the status of the device.', parameters },
  },
];

async function ask(messages) {
  const body = JSON.stringify({ model: 'mock', messages, tools });
  const answer = await request(`${MODEL_URL}/chat/completions`, {
    dispatcher,
    method: 'POST',
    headers,
    body,
  });
  return (await answer.body.json()).choices[0].message;
}

const push = FLOOR === 'sqlite' ? await storeThenSend() : (socket, text) => socket.send(text);

async function storeThenSend() {
  const { default: Database } = await import('better-sqlite3');
  for (const suffix of ['', '-wal', '-shm']) rmSync(DB_FILE + suffix, { force: true });
  const db = new Database(DB_FILE);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec(
    'CREATE TABLE message(id INTEGER PRIMARY KEY, session TEXT NOT NULL, body TEXT NOT NULL); CREATE INDEX by_session ON message(session, id)',
  );
  const insert = db.prepare('INSERT INTO message(session, body) VALUES (?, ?)');
  const commit = db.transaction((rows) => rows.forEach(([, text, session]) => insert.run(session, text)));
  let queue = [];
  const flush = () => {
    const rows = queue;
    queue = [];
    commit(rows);
    for (const [socket] of rows) socket._socket.cork();
    for (const [socket, text] of rows) socket.send(text);
    for (const [socket] of rows) socket._socket.uncork();
  };
  return (socket, text, session) => {
    if (queue.push([socket, text, session]) === 1) setImmediate(flush);
  };
}

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(PORT), perMessageDeflate: false });
server.on('connection', (socket) => {
  const sessionId = randomUUID();
  const messages = [{ role: 'system', content: 'You control one device.' }];
  const work = async (data) => {
    const taskId = randomUUID();
    const send = (from, to, type, message) =>
      push(
        socket,
        JSON.stringify({ sessionId, taskId, from, to, type, message, createTime: new Date().toISOString() }),
        sessionId,
      );
    const { message } = JSON.parse(data);
    send('agent', 'client', 'text', '[TASK_START]');
    send('user', 'agent', 'text', message);
    send('agent', 'llm', 'text', message);
    messages.push({ role: 'user', content: message });
    for (;;) {
      const reply = await ask(messages);
      messages.push(reply);
      if (!reply.tool_calls) {
        send('llm', 'agent', 'text', reply.content);
        send('agent', 'user', 'text', reply.content);
        send('agent', 'client', 'text', '[TASK_DONE]');
        return;
      }
      const calls = reply.tool_calls.map((call) => ({
        id: call.id,
        name: call.function.name,
        parameters: JSON.parse(call.function.arguments),
      }));
      send('llm', 'agent', 'functionCallList', calls);
      send('agent', 'tool', 'functionCallList', calls);
      send('agent', 'client', 'text', '[TOOLS_START]');
      await Promise.all(
        calls.map(async ({ id }) => {
          const answer = await request(`${DEVICE_URL}/status`, { dispatcher });
          const body = await answer.body.text();
          const result = { id, result: { statusCode: answer.statusCode, body } };
          send('tool', 'agent', 'toolReturn', result);
          send('agent', 'llm', 'toolReturn', result);
          messages.push({ role: 'tool', tool_call_id: id, content: body });
        }),
      );
      send('agent', 'client', 'text', '[TOOLS_DONE]');
    }
  };
  socket.on('message', (data) => void work(data));
});
