// A bare express route over the same tables: what threads and messages cost without a session behind them.
import { createSecretKey, randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import express from 'express';
import jwt from 'jsonwebtoken';

const { DATABASE, PORT, SECRET } = process.env;
const key = createSecretKey(Buffer.from(SECRET));
const database = new Database(DATABASE);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = normal');
const one = (sql) => database.prepare(sql);
const caller = one(
  'select c.*, u.* from sign_ins c inner join users u on u.uuid = c.user_uuid where c.id in (?)',
);
const session = one('select id, owner, created_at, attributes, epoch from sessions where id = ?');
const page = one(
  'select seq, time, body, marks from messages where session_id = ? and seq < ? order by seq desc limit ?',
);
const last = one('select max(seq) as seq from messages where session_id = ?');
const insert = one('insert into messages (session_id, seq, time, body) values (?, ?, ?, ?)');

const app = express();
app.disable('etag').disable('x-powered-by');
app.use(express.json());
app.use((request, response, next) => {
  try {
    const token = (request.headers.authorization ?? '').slice('Bearer '.length);
    const claims = jwt.verify(token, key, { algorithms: ['HS256'] });
    const user = caller.get(claims.sid);
    if (!user || user.ended_at !== null || user.disabled_at !== null) throw new Error('signed out');
    request.user = user;
    next();
  } catch {
    response.status(401).json({ error: { message: 'no' } });
  }
});

function threadOf(request, response) {
  const hex = request.params.thread.slice('thread_'.length);
  const found = session.get(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
  if (found?.owner === request.user.uuid) return found;
  response.status(found ? 403 : 404).json({ error: { message: 'no' } });
  return undefined;
}

const messageOf = (thread, { seq, time, body }) => {
  const { role, content, metadata } = JSON.parse(body);
  const at = Math.floor(time / 1000);
  return {
    id: `msg_${thread.slice(7)}${(seq * 2).toString(36)}`,
    object: 'thread.message',
    created_at: at,
    thread_id: thread,
    assistant_id: null,
    metadata,
    role,
    run_id: null,
    status: 'completed',
    completed_at: at,
    incomplete_at: null,
    incomplete_details: null,
    content: content.map(({ text }) => ({ type: 'text', text: { value: text, annotations: [] } })),
    attachments: [],
  };
};

app.get('/v1/threads/:thread', (request, response) => {
  const found = threadOf(request, response);
  if (!found) return;
  response.json({
    id: request.params.thread,
    object: 'thread',
    created_at: Math.floor(found.created_at / 1000),
    metadata: {},
    tool_resources: {},
    ...JSON.parse(found.attributes ?? '{}'),
  });
});
app.get('/v1/threads/:thread/messages', (request, response) => {
  const found = threadOf(request, response);
  if (!found) return;
  const data = page
    .all(found.id, Number.MAX_SAFE_INTEGER, 42)
    .flatMap((row) => (row.body.includes('message_added') ? [messageOf(request.params.thread, row)] : []))
    .slice(0, 20);
  response.json({ object: 'list', data, first_id: data[0].id, last_id: data.at(-1).id, has_more: true });
});
app.post('/v1/threads/:thread/messages', (request, response) => {
  const found = threadOf(request, response);
  if (!found) return;
  const row = database.transaction(() => {
    const seq = last.get(found.id).seq + 1;
    const { role, content } = request.body;
    const body = JSON.stringify({
      type: 'message_added',
      id: randomUUID(),
      run: false,
      role,
      content: [{ type: 'text', text: content }],
      attachments: [],
      metadata: {},
    });
    const line = { seq, time: Date.now(), body };
    insert.run(found.id, seq, line.time, body);
    return line;
  })();
  response.json(messageOf(request.params.thread, row));
});

const server = app.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close(() => process.exit(0));
});
