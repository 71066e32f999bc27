import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openApp } from '../../lib/app.ts';
import { readConfig } from '../../lib/config.ts';
import { openLog } from '../../lib/log.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { openChat } from '../support/app.ts';
import { openHttpDevice, type HttpDevice, type SeenRequest } from '../support/http-device.ts';
import { sendEvents, sendJson, startModelServer, type ModelServerStep } from '../support/model-server.ts';

const pem = `-----BEGIN KEY-----\nzq8MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nzq8+/KgwggSkAgEAAoIBAQDX7ICAgICAg==\n-----END KEY-----`;

/** A secret for each place that takes one, in a form that no pattern knows. */
const canaries = {
  bearer: 'zq1/to+ken==',
  pair: 'zq2"quo\\ted-pair',
  encodedPair: 'zq3 spaced+pair',
  header: "zq4<'header'>&",
  query: 'zq5密码&口令=字 %41',
  cookie: 'zq6~cookie*(v)',
  digest: 'zq7:digest:é',
  client: pem,
  access: 'zq9.access-token.~+/',
  document: 'zqA-default-of-header',
  rpc: 'zqB\trpc/"token"',
  pin: '482913',
  url: 'zqC+url=token',
  model: 'zqD-model-key-of-the-caller',
  operator: 'zqE-operator-token-0123456789',
  github: 'zqF!github/secret',
  webhook: 'zqG-webhook-token',
  settingsKey: 'zqH-key-of-the-settings!',
};

const unicode = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[^ -~]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
const html = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll("'", '&#39;');

/** The ways in which devices and endpoints write a text that they echo. */
const echoesOf = (text: string): string[] => [
  text,
  encodeURIComponent(text),
  encodeURI(text).replaceAll(/%../g, (byte) => byte.toLowerCase()),
  new URLSearchParams([['k', text]]).toString(),
  JSON.stringify(text),
  JSON.stringify(JSON.stringify(text)),
  unicode(text).replaceAll('/', '\\/'),
  html(text),
  Buffer.from(text).toString('base64'),
  Buffer.from(`name:${text}`).toString('base64url'),
  Buffer.from(text).toString('hex'),
  JSON.stringify(Buffer.from(text)),
  Buffer.from(text)
    .toString('hex')
    .replaceAll(/..(?!$)/g, '$&:'),
  text.toLowerCase(),
  text.toUpperCase(),
];

/** The texts around every canary that a text has. */
function leaksIn(text: string): string[] {
  const needles = Object.values(canaries).flatMap((secret) => [
    secret,
    ...echoesOf(secret).map((form) => form.replace(/=+$/, '')),
  ]);
  const beginnings = Object.values(canaries).map((secret) => secret.slice(0, 8));
  const found = [...needles, ...beginnings].map((needle) => text.indexOf(needle)).filter((at) => at >= 0);
  return [...new Set(found)].map((at) => text.slice(Math.max(0, at - 60), at + 60));
}

/** Everything that a request says, in each way in which a device may write it. */
function echoOf({ method, url, headers, body }: SeenRequest): string {
  const pairs = Object.values(headers).flatMap((value) => {
    const text = String(value);
    return [text, Buffer.from(text.replace(/^\w+ /, ''), 'base64').toString()];
  });
  const plain = decodeURIComponent(url.replaceAll('+', ' '));
  const form = decodeURIComponent(body.toString().replaceAll('+', ' '));
  const parts = [
    method,
    url,
    plain,
    body.toString(),
    form,
    ...pairs,
    ...pairs.flatMap((one) => one.split(/[:=] ?/)),
  ];
  return JSON.stringify({ headers, parts: parts.flatMap(echoesOf) });
}

/** A device of three sorts: an HTTP device, a JSON-RPC server, and a token endpoint, each of which echoes. */
async function openEcho(): Promise<HttpDevice> {
  const device = await openHttpDevice();
  device.answer = (response, request) => {
    const json = { 'content-type': 'application/json' };
    const echo = echoOf(request);
    if (request.url.startsWith('/token')) {
      response.writeHead(200, json).end(JSON.stringify({ access_token: canaries.access, echo }));
    } else if (request.url.startsWith('/digest') && request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Digest realm="r", nonce="n", qop="auth"' }).end(echo);
    } else if (request.url.startsWith('/fail')) {
      response.writeHead(503, 'echo', { 'x-echo': encodeURI(echo).slice(0, 500), ...json }).end(echo);
    } else if (request.url.startsWith('/moved')) {
      response.writeHead(302, { location: `http://127.0.0.1:1/${request.url}` }).end(echo);
    } else if (request.url.startsWith('/rpc')) {
      const { id = null } = JSON.parse(request.body.toString() || '{}') as { id?: number };
      response.writeHead(200, json).end(
        JSON.stringify({
          jsonrpc: '2.0',
          id,
          error: {
            code: -1,
            message: echo,
            data: { echo, number: Number(request.headers.authorization?.slice('Bearer '.length)) },
          },
        }),
      );
    } else if (request.url.startsWith('/described')) {
      const paths = { '/seen': { get: { operationId: 'seen', summary: echo } } };
      response
        .writeHead(200, json)
        .end(JSON.stringify({ openapi: '3.1.0', info: { title: 'D', version: '1' }, paths }));
    } else response.writeHead(200, json).end(echo);
  };
  return device;
}

/** A document with one operation for each way to sign in, and some that fail. */
function documentAt(url: string): JsonObject {
  const operation = (id: string, security: string, more: JsonObject = {}): JsonObject => ({
    get: { operationId: id, security: [{ [security]: [] }], ...more },
  });
  const key = { name: 'X-Api-Key', in: 'header', schema: { type: 'string', default: canaries.document } };
  return {
    openapi: '3.1.0',
    info: { title: 'Echo', version: '1' },
    servers: [{ url }],
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        header: { type: 'apiKey', in: 'header', name: 'X-Key' },
        query: { type: 'apiKey', in: 'query', name: 'key' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'sid' },
        digest: { type: 'http', scheme: 'digest' },
        pin: { type: 'apiKey', in: 'header', name: 'X-Pin' },
        client: { type: 'oauth2', flows: { clientCredentials: { tokenUrl: '/token', scopes: {} } } },
      },
    },
    paths: {
      '/basic': operation('basic', 'basic'),
      '/header': operation('header', 'header', { parameters: [key] }),
      '/query': operation('query', 'query'),
      '/cookie': operation('cookie', 'cookie'),
      '/digest': operation('digest', 'digest'),
      '/client': operation('client', 'client'),
      '/pin': operation('pin', 'pin'),
      '/fail': operation('fail', 'query'),
      '/moved': operation('moved', 'query'),
    },
  };
}

/** The entries of a session, and the operations that they give. */
function entriesAt(url: string): JsonObject[] {
  const credentials = {
    basic: { username: 'me', password: canaries.pair },
    header: canaries.header,
    query: canaries.query,
    cookie: canaries.cookie,
    digest: { username: 'me', password: canaries.digest },
    client: { clientId: 'my client', clientSecret: canaries.client },
    pin: canaries.pin,
  };
  const rpc = (name: string): JsonObject => ({
    openrpc: '1.3.2',
    info: { title: 'Rpc', version: '1' },
    servers: [{ url: `${url}/rpc` }],
    methods: [{ name, params: [], result: { name: 'r', schema: {} } }],
  });
  const plain = (id: string): JsonObject => ({
    openapi: '3.1.0',
    info: { title: id, version: '1' },
    servers: [{ url }],
    paths: { [`/${id}`]: { get: { operationId: id } } },
  });
  return [
    { openSpec: documentAt(url), credentials },
    { openSpec: plain('bearer'), apiKey: { type: 'bearer', apiKey: canaries.bearer } },
    {
      openSpec: plain('encoded'),
      apiKey: { type: 'basic', apiKey: Buffer.from(`me:${canaries.encodedPair}`).toString('base64') },
    },
    { openSpec: rpc('call_pin'), apiKey: { type: 'bearer', apiKey: canaries.pin } },
    { openSpec: rpc('call_token'), apiKey: { type: 'basic', apiKey: `me:${canaries.rpc}` } },
    { openSpec: `${url}/described?token=${encodeURIComponent(canaries.url)}` },
  ];
}

/** Replies in which the endpoint says its key: in thinking text, in pieces, in a call, and in its words. */
function repliesOf(key: string, calls: string[]): ModelServerStep[] {
  const chunk = (delta: JsonObject): JsonObject => ({ choices: [{ index: 0, delta }] });
  const half = Math.floor(key.length / 2);
  return [
    { calls: calls.map((name) => ({ name, arguments: {} })), text: `I called with ${key}` },
    {
      answer: (response) =>
        sendEvents(response, [
          chunk({ reasoning_content: `my key ${key.slice(0, half)}` }),
          chunk({ reasoning_content: `${key.slice(half)} thought` }),
          chunk({ content: `said ${key.slice(0, half)}` }),
          chunk({ content: key.slice(half) }),
          chunk({ content: ` and ${key.slice(0, 3)}` }),
        ]),
    },
    { calls: [{ name: 'basic', arguments: { nothing: key } }] },
    {
      answer: (response) =>
        sendJson(response, 200, { choices: [{ message: { content: JSON.stringify(key) } }] }),
    },
  ];
}

/** The answers about a device that the server knows, after each of its operations was called. */
async function toldOfDevice(url: string, entry: JsonObject, calls: readonly string[]): Promise<string> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${canaries.operator}` };
  const ask = async (path: string, body?: JsonObject): Promise<string> => {
    const init = body ? { method: 'POST', body: JSON.stringify(body) } : {};
    const answer = await fetch(`${url}${path}`, { headers, ...init });
    expect(answer.status, path).to.be.oneOf([200, 201]);
    return answer.text();
  };
  await ask('/api/devices', { name: 'echo', ...entry });
  let told = '';
  for (const name of calls) told += await ask(`/api/devices/echo/tools/${name}`, { arguments: {} });
  for (const path of ['/api/devices/echo/tools', '/api/audit', '/api/audit/export', '/metrics'])
    told += await ask(path);
  return told;
}

describe('a secret of any form, in any place that takes one', () => {
  it('is in no log, no file, no answer, no frame and no request to a model, whoever echoes it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'canary-'));
    let logged = '';
    const log = await openLog({ level: 'debug', stream: { write: (line: string) => void (logged += line) } });
    const device = await openEcho();
    const calls = [
      ...'basic header query cookie digest client pin fail moved bearer encoded'.split(' '),
      'call_pin',
      'call_token',
      'seen',
    ];
    const model = await startModelServer([
      ...repliesOf(canaries.model, calls),
      ...repliesOf(canaries.settingsKey, calls),
    ]);
    const env = {
      PORT: '0',
      DATA_DIR: dir,
      LOG_LEVEL: 'debug',
      baseUrl: model.baseUrl,
      apiKey: canaries.settingsKey,
      AUTH_TOKEN: canaries.operator,
      GITHUB_CLIENT_ID: 'id',
      GITHUB_CLIENT_SECRET: canaries.github,
      SMS_WEBHOOK_URL: `${device.url}/sms?token=${canaries.webhook}`,
    };
    const app = await openApp(readConfig({ env, cwd: dir }), log);
    let told = '';
    try {
      for (const llmConfig of [{ baseUrl: model.baseUrl, apiKey: canaries.model }, undefined]) {
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${canaries.operator}` };
        const body = JSON.stringify({ llmConfig, openSpecList: entriesAt(device.url), reasoning: true });
        const opened = await (await fetch(`${app.url}/api/init`, { method: 'POST', headers, body })).text();
        const { id } = JSON.parse(opened) as { id: string };
        const chat = await openChat(`${app.url.replace('http', 'ws')}/api/chat?id=${id}`);
        for (const [turn, stream] of [true, false].entries()) {
          chat.send({ contentList: [{ type: 'text', message: 'look' }], stream });
          await chat.tasksEnded(turn + 1);
        }
        const history = await fetch(`${app.url}/api/history?id=${id}`, { headers });
        told += opened + JSON.stringify(chat.seen) + (await history.text());
        await chat.close();
      }
      log.info(
        Object.fromEntries(Object.values(canaries).map((secret, at) => [`echo${at}`, echoesOf(secret)])),
        'everything at once',
      );
      model.expectDone();
      told += await toldOfDevice(app.url, entriesAt(device.url)[0]!, calls.slice(0, 9));
    } finally {
      await app.close();
      await log.close();
      await model.close();
      await device.close();
    }
    expect(device.seen.length, 'requests that echoed').to.be.above(25);
    expect(told.split('[secret]').length, 'secrets that were echoed').to.be.above(100);
    expect(leaksIn(told), 'told').to.deep.equal([]);
    expect(leaksIn(JSON.stringify(model.requests.map(({ body }) => body))), 'shown').to.deep.equal([]);
    expect(leaksIn(logged), 'logged').to.deep.equal([]);
    const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    expect(files.map(({ name }) => name)).to.include('lite-agent.db');
    // The key that signs the audit log is the server's own, and in no other file.
    for (const { parentPath, name } of files.filter((file) => file.name !== 'audit.key'))
      expect(leaksIn(readFileSync(join(parentPath, name), 'utf8')), name).to.deep.equal([]);
    rmSync(dir, { recursive: true });
  });
});
