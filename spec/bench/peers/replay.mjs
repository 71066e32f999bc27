// The floor of a replay: one query for frames that are stored as they are sent, one ws.send each.
import Database from 'better-sqlite3';
import { WebSocketServer } from 'ws';

const { PORT, DB_FILE } = process.env;
const db = new Database(DB_FILE);
const frames = db.prepare('SELECT body FROM frames ORDER BY seq');
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(PORT), perMessageDeflate: false });
server.on('connection', (socket) => {
  for (const { body } of frames.iterate()) socket.send(body);
});
process.on('SIGTERM', () => process.exit(0));
