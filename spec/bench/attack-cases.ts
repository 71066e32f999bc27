import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import {
  frameOf,
  handshakeOf,
  type FloodAnswer,
  type FloodConnection,
  type FloodServer,
} from '../support/flood-server.ts';
import { yamlOf } from '../support/flood-world.ts';
import { openMcpHost } from '../support/mcp-host.ts';
import { waitFor } from '../support/wait-for.ts';

const MiB = 1024 * 1024;
const ATTACKER = '127.0.0.10';
const OTHER = '127.0.20.1'; // in another network
const PASSWORD = 'right horse battery 7';
const EDGE = 'edge';
const WAIT_MAX_MS = 120_000;

/** An attack of the cases, with the figure of the first server. */
export interface AttackCase {
  name: string;
  /** What the first server did. */
  before: string;
  /** Carries it out; resolves with what the server did. */
  run(world: AttackWorld): Promise<string>;
}

/** A fresh server with the default limits, and its folder. */
export interface AttackWorld {
  server: FloodServer;
  folder: string;
}

/** The attacks that have a figure, in the order of the cases. */
export const attackCases: readonly AttackCase[] = [
  { name: '2 a queue of 101 × 900 kB, then 40 small frames', before: 'frozen 25 s', run: fillQueue },
  {
    name: '2 20,000 small frames on a full queue',
    before: 'frozen 16 s',
    run: (world) => refillQueue(world),
  },
  { name: '3 a pattern ^(a+)+$', before: 'frozen minutes', run: matchPattern },
  {
    name: '4 YAML of 150,000 keys',
    before: 'frozen 6.8 s',
    run: ({ server }) => sendYaml(server, 1, 150_000),
  },
  {
    name: '4 YAML of 1,000,000 keys',
    before: 'frozen 15 s',
    run: ({ server }) => sendYaml(server, 1, 1_000_000),
  },
  {
    name: '4 8 × YAML of 40,000 keys',
    before: 'frozen 12 s',
    run: ({ server }) => sendYaml(server, 8, 40_000),
  },
  { name: '4 a JSON object of 60 MB', before: 'frozen 5.8 s', run: sendLargeObject },
  { name: '8 600 registrations, and a sign-in of another', before: 'sign-in 7.6 s, 503', run: registerMany },
  {
    name: '9 60 wrong passwords, and the owner elsewhere',
    before: 'owner and address refused',
    run: guessPasswords,
  },
  { name: '10 60 presigned PUTs of 20 MiB of "A" as png', before: '1200 MiB on disk', run: putJunk },
  { name: '10 12 × /init with a prompt of 40 MB', before: '480 MB kept', run: sendPrompts },
  { name: '11 12 large PNGs, and a sign-in of another', before: 'sign-in 11 s', run: sendPictures },
  { name: '12 20 sockets that send pings and read nothing', before: 'frozen 8.5 s', run: pingDeaf },
  { name: '12 60 sockets with 15 MiB without an end', before: '1 GB', run: sendEndless },
  { name: '13 3000 guesses of redeem codes', before: '7800 tries in 44 s', run: guessCodes },
  { name: '20 a form of 166 MB', before: '166 MB buffered', run: sendForm },
  { name: '21 100 slow bodies', before: 'held 120 s', run: sendSlowly },
  { name: '21 2500 connections of an address', before: 'no limit', run: connectMany },
];

/** Waits for a session whose model never answers, and fills its queue. */
async function fillQueue(world: AttackWorld): Promise<string> {
  return withSilentModel(async (baseUrl) => {
    const connection = await openSession(world.server, baseUrl);
    await sendTasks(connection, 'x'.repeat(900_000), 101);
    for (let at = 0; at < 40; at += 1) connection.socket.write(frameOf('{"type":"text","message":"x"}'));
    await waitFor(() => countOf(connection.received, 'limit_reached') >= 40, WAIT_MAX_MS);
    return `${countOf(connection.received, 'limit_reached')} of 141 tasks got limit_reached`;
  });
}

async function refillQueue(world: AttackWorld): Promise<string> {
  return withSilentModel(async (baseUrl) => {
    const connection = await openSession(world.server, baseUrl);
    await sendTasks(connection, 'x', 20_000);
    await waitFor(() => countOf(connection.received, 'limit_reached') >= 19_800, WAIT_MAX_MS);
    return `${countOf(connection.received, 'limit_reached')} of 20000 tasks got limit_reached`;
  });
}

async function matchPattern({ server }: AttackWorld): Promise<string> {
  const name = { name: 'name', in: 'query', required: true, schema: { type: 'string', pattern: '^(a+)+$' } };
  const openSpec = {
    openapi: '3.1.0',
    info: { title: 'D', version: '1' },
    servers: [{ url: 'http://127.0.0.1:9' }],
    paths: { '/a': { get: { operationId: 'look', parameters: [name] } } },
  };
  await server.send(ATTACKER, 'POST', '/api/devices', { body: { name: 'patterned', openSpec } });
  const host = await openMcpHost(`http://127.0.0.1:${server.port}/mcp`);
  const { result } = await host.call('look', { name: `${'a'.repeat(32)}!` });
  await host.close();
  return (result['error'] as { code: string }).code;
}

async function sendYaml(server: FloodServer, count: number, keys: number): Promise<string> {
  const openSpecList = Array.from({ length: count }, (_, at) => ({ openSpec: yamlOf(`m${at}`, keys) }));
  return statusesOf([await settled(server.send(ATTACKER, 'POST', '/api/init', { body: { openSpecList } }))]);
}

async function sendLargeObject({ server }: AttackWorld): Promise<string> {
  const fields = Array.from({ length: 600_000 }, (_, at) => `"field${at}":"${'x'.repeat(84)}"`);
  const body = `{"openSpecList":[{"openSpec":{"openapi":"3.0.0",${fields.join(',')}}}]}`;
  return statusesOf([await settled(server.send(ATTACKER, 'POST', '/api/init', { body }))]);
}

async function registerMany({ server }: AttackWorld): Promise<string> {
  await register(server, OTHER, 'owner');
  const many = Array.from({ length: 600 }, (_, at) => settled(register(server, ATTACKER, `flood${at}`)));
  const signedIn = signIn(server, OTHER, 'owner', PASSWORD);
  const took = await timeOf(signedIn);
  const answers = await Promise.all(many);
  return `${statusesOf(answers)}; the sign-in: ${(await signedIn).status} after ${took} ms`;
}

async function guessPasswords({ server }: AttackWorld): Promise<string> {
  await register(server, OTHER, 'owner');
  await register(server, '127.0.21.1', 'neighbour');
  const wrong: FloodAnswer[] = [];
  for (let at = 0; at < 60; at += 1) wrong.push(await signIn(server, ATTACKER, 'owner', `wrong ${at}`));
  const owner = await signIn(server, OTHER, 'owner', PASSWORD);
  const neighbour = await signIn(server, ATTACKER, 'neighbour', PASSWORD);
  return `${statusesOf(wrong)}; the owner elsewhere: ${owner.status}; another name from there: ${neighbour.status}`;
}

async function putJunk({ server, folder }: AttackWorld): Promise<string> {
  const headers = bearer(await register(server, ATTACKER, 'uploader'));
  const send = async (path: string, body: object): Promise<Record<string, unknown>> =>
    JSON.parse((await server.send(ATTACKER, 'POST', path, { body, headers })).text) as Record<
      string,
      unknown
    >;
  const model = { name: 'c', base_url: 'http://127.0.0.1:9/v1', model_name: 'm', api_key: 'k', params: {} };
  const { config_id: id } = await send('/api/v1/model_config/create', model);
  const { conversation_id: conversation } = await send('/api/v1/conversation/create', {
    model_config_id: id,
  });
  const urls: string[] = [];
  for (let at = 0; at < 3; at += 1) {
    const asked = { conversation_id: conversation, suffixes: Array<string>(20).fill('png') };
    urls.push(...((await send('/api/v1/chat/get_upload_presigned_url', asked))['urls'] as string[]));
  }
  const junk = 'A'.repeat(20 * MiB);
  const puts = await Promise.all(
    urls.map((url) => {
      const { pathname, search } = new URL(url);
      return settled(server.send(ATTACKER, 'PUT', pathname + search, { body: junk }));
    }),
  );
  return `${statusesOf(puts)}; ${Math.round(bytesIn(join(folder, 'files')) / MiB)} MiB on disk`;
}

async function sendPrompts({ server, folder }: AttackWorld): Promise<string> {
  const body = { systemPrompt: 'x'.repeat(40_000_000) };
  const sent = Array.from({ length: 12 }, () =>
    settled(server.send(ATTACKER, 'POST', '/api/init', { body })),
  );
  return `${statusesOf(await Promise.all(sent))}; ${Math.round(bytesIn(folder) / MiB)} MiB on disk`;
}

async function sendPictures({ server }: AttackWorld): Promise<string> {
  const headers = bearer(await register(server, ATTACKER, 'painter'));
  await register(server, OTHER, 'owner');
  const create = { width: 8000, height: 8000, channels: 3, background: '#00ff00' } as const;
  const picture = (await sharp({ create }).png().toBuffer()).toString('latin1');
  const part = `--${EDGE}\r\nContent-Disposition: form-data; name="avatar_file"; filename="a.png"\r\n\r\n`;
  const form = Buffer.from(`${part}${picture}\r\n--${EDGE}--\r\n`, 'latin1');
  const head = headOf('POST', '/api/v1/users/me/avatar', {
    ...headers,
    'content-type': `multipart/form-data; boundary=${EDGE}`,
    'content-length': String(form.length),
  });
  const sent = await Promise.all(Array.from({ length: 12 }, () => server.connect(ATTACKER, head)));
  for (const { socket } of sent) socket.write(form);
  const signedIn = signIn(server, OTHER, 'owner', PASSWORD);
  const took = await timeOf(signedIn);
  await waitFor(() => sent.every(({ received }) => received.includes('HTTP/1.1')), WAIT_MAX_MS);
  return `${statusesIn(sent)}; the sign-in: ${(await signedIn).status} after ${took} ms`;
}

async function pingDeaf({ server }: AttackWorld): Promise<string> {
  const sockets = await deafSockets(server, 20);
  const pings = Buffer.concat(Array<Buffer>(5000).fill(frameOf('ping')));
  const end = performance.now() + 8500;
  await Promise.all(sockets.map((socket) => writeUntil(socket, pings, end)));
  return `${sockets.filter(({ socket }) => socket.destroyed).length} closed, the others paused`;
}

async function sendEndless({ server }: AttackWorld): Promise<string> {
  const sockets = await deafSockets(server, 60);
  const head = frameOf('x'.repeat(15 * MiB)).subarray(0, 15 * MiB - 1);
  const end = performance.now() + 5000;
  for (const { socket } of sockets) socket.write(head);
  await waitFor(
    () => performance.now() > end || sockets.every(({ socket }) => socket.destroyed),
    WAIT_MAX_MS,
  );
  return `${sockets.filter(({ socket }) => socket.destroyed).length} of 60 closed`;
}

async function guessCodes({ server }: AttackWorld): Promise<string> {
  const headers = bearer(await register(server, ATTACKER, 'guesser'));
  const answers: FloodAnswer[] = [];
  for (let round = 0; round < 30; round += 1)
    answers.push(
      ...(await Promise.all(
        Array.from({ length: 100 }, (_, at) =>
          server.send(ATTACKER, 'POST', '/api/v1/users/me/credits', {
            body: { redeem_code: `guess-${round}-${at}` },
            headers,
          }),
        ),
      )),
    );
  return statusesOf(answers);
}

async function sendForm({ server }: AttackWorld): Promise<string> {
  const headers = bearer(await register(server, ATTACKER, 'filler'));
  const part = `--${EDGE}\r\nContent-Disposition: form-data; name="words"\r\n\r\n`;
  const connection = await server.connect(
    ATTACKER,
    headOf('POST', '/v1/files', {
      ...headers,
      'content-type': `multipart/form-data; boundary=${EDGE}`,
      'content-length': String(166 * MiB + part.length),
    }) + part,
  );
  for (let sent = 0; sent < 166 && !connection.socket.destroyed; sent += 1) {
    connection.socket.write(Buffer.alloc(MiB, 'x'));
    await waitFor(() => !connection.socket.writableNeedDrain || connection.socket.destroyed, WAIT_MAX_MS);
  }
  await waitFor(() => connection.received.includes('HTTP/1.1') || connection.socket.destroyed, WAIT_MAX_MS);
  return statusesIn([connection]);
}

async function sendSlowly({ server }: AttackWorld): Promise<string> {
  const head = headOf('POST', '/api/v1/user/login', {
    'content-type': 'application/json',
    'content-length': '60000',
  });
  const began = performance.now();
  const open = await Promise.all(
    Array.from({ length: 100 }, () => server.connect(ATTACKER, `${head}{"a":"x`)),
  );
  const drip = setInterval(() => open.forEach(({ socket }) => !socket.destroyed && socket.write('x')), 500);
  await waitFor(() => open.every(({ socket }) => socket.destroyed || socket.readableEnded), WAIT_MAX_MS);
  clearInterval(drip);
  return `${statusesIn(open)} after ${Math.round((performance.now() - began) / 1000)} s`;
}

async function connectMany({ server }: AttackWorld): Promise<string> {
  const open: FloodConnection[] = [];
  for (let at = 0; at < 2500; at += 1) open.push(await server.connect(ATTACKER, ''));
  await waitFor(() => open.filter(({ received }) => received !== '').length >= 500, WAIT_MAX_MS);
  return `${statusesIn(open)}; the others stay open`;
}

/** A model that takes connections and says nothing. */
async function withSilentModel<T>(work: (baseUrl: string) => Promise<T>): Promise<T> {
  const silent: Server = createServer((socket) => void socket.on('error', () => undefined));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  try {
    return await work(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`);
  } finally {
    silent.close();
  }
}

/** A socket of a new session. */
async function openSession(server: FloodServer, baseUrl?: string): Promise<FloodConnection> {
  const body = baseUrl === undefined ? {} : { llmConfig: { baseUrl, apiKey: 'k', model: 'm' } };
  const { text } = await server.send(ATTACKER, 'POST', '/api/init', { body });
  const connection = await server.connect(ATTACKER, handshakeOf((JSON.parse(text) as { id: string }).id));
  await waitFor(() => connection.received.includes('101'));
  return connection;
}

async function sendTasks({ socket }: FloodConnection, message: string, count: number): Promise<void> {
  const frame = frameOf(JSON.stringify({ type: 'text', message }));
  for (let at = 0; at < count; at += 1) {
    socket.write(frame);
    if (socket.writableNeedDrain) await once(socket, 'drain');
  }
}

async function deafSockets(server: FloodServer, count: number): Promise<FloodConnection[]> {
  const all = await Promise.all(Array.from({ length: count }, () => openSession(server)));
  for (const { socket } of all) socket.pause();
  return all;
}

/** Writes for as long as the server takes it, until this moment. */
async function writeUntil({ socket }: FloodConnection, bytes: Buffer, end: number): Promise<void> {
  while (performance.now() < end && !socket.destroyed) {
    socket.write(bytes);
    await waitFor(
      () => !socket.writableNeedDrain || socket.destroyed || performance.now() > end,
      WAIT_MAX_MS,
    );
  }
}

function register(server: FloodServer, address: string, username: string): Promise<FloodAnswer> {
  const body = { username, email: `${username}@example.com`, password: PASSWORD };
  return server.send(address, 'POST', '/api/v1/user/register', { body });
}

function signIn(server: FloodServer, address: string, name: string, password: string): Promise<FloodAnswer> {
  const body = { email: `${name}@example.com`, password };
  return server.send(address, 'POST', '/api/v1/user/login', { body });
}

function bearer({ text }: FloodAnswer): { authorization: string } {
  return { authorization: `Bearer ${(JSON.parse(text) as { access_token: string }).access_token}` };
}

function headOf(method: string, path: string, headers: Record<string, string>): string {
  const lines = Object.entries({ host: 'localhost', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** An answer, or a status of 0 where the server has cut the connection. */
function settled(answer: Promise<FloodAnswer>): Promise<FloodAnswer> {
  return answer.catch((error: Error) => ({ status: 0, text: error.message }));
}

async function timeOf(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work;
  return Math.round(performance.now() - began);
}

/** How often each status came: `200 × 3, 429 × 57`. */
function statusesOf(answers: readonly FloodAnswer[]): string {
  const counts = new Map<number, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${status === 0 ? 'cut' : status} × ${count}`).join(', ');
}

function statusesIn(connections: readonly FloodConnection[]): string {
  const answered = connections.filter(({ received, socket }) => received !== '' || socket.destroyed);
  return statusesOf(
    answered.map(({ received: text }) => ({ status: Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? 0), text })),
  );
}

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
