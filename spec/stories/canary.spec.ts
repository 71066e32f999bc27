import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openApp } from '../../lib/app.ts';
import { readConfig } from '../../lib/config.ts';
import { openLog } from '../../lib/log.ts';
import { openModels } from '../../lib/models/index.ts';
import { openChat } from '../support/app.ts';
import { ask, rejection } from '../support/model-asking.ts';
import { sendEvents, sendJson, startModelServer, type ModelServerStep } from '../support/model-server.ts';

/** Keys in forms that no pattern knows. */
const canaries = {
  settings: 'zq7/canary+of=settings',
  session: 'zq7.canary~of*session',
  bearer: 'zq7"canary"of\\bearer',
  password: 'zq7:canary of password é',
  client: 'zq7&canary=of?client',
};
const forms = Object.values(canaries).flatMap((key) => [
  key,
  encodeURIComponent(key),
  JSON.stringify(key).slice(1, -1),
  Buffer.from(key).toString('base64').slice(0, -4),
]);

/** The texts around every canary that a text has. */
const leaksIn = (text: string): string[] =>
  [...forms, 'zq7'].flatMap((form) => {
    const at = text.indexOf(form);
    return at < 0 ? [] : [text.slice(Math.max(0, at - 80), at + form.length + 20)];
  });

/** An endpoint that echoes the key in its words, in one of the ways in which endpoints fail. */
const echoes: ((said: string) => ModelServerStep)[] = [
  (said) => ({ status: 401, body: { error: { message: said } } }),
  (said) => ({ status: 400, body: { detail: [{ msg: said, headers: { authorization: said } }] } }),
  (said) => ({ status: 400, body: { error: { message: `${'x'.repeat(290)} ${said}` } } }),
  (said) => ({ answer: (response) => void response.writeHead(403, { 'x-key': encodeURI(said) }).end(said) }),
  (said) => ({ answer: (response) => sendJson(response, 200, { error: { message: said } }) }),
  (said) => ({ answer: (response) => sendEvents(response, [{ error: said }]) }),
  (said) => ({
    answer: (response) => void response.writeHead(200, { 'content-type': said }).end(said),
  }),
];

describe('a secret', () => {
  it('that model endpoints and devices echo is in no log, no file, no frame and no request to a model', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'canary-'));
    let logged = '';
    const log = await openLog({ level: 'debug', stream: { write: (line: string) => void (logged += line) } });
    // It sends back the headers and the address of each request, as they came and decoded.
    const device = createServer((request, response) => {
      const { authorization = '' } = request.headers;
      const plain = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
      const seen = { headers: request.headers, url: request.url, plain };
      response.writeHead(request.url?.includes('fail') ? 500 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(seen));
    });
    await new Promise<void>((resolve) => device.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(device.address() as AddressInfo).port}`;
    const call = { calls: ['look', 'fail'].map((name) => ({ name, arguments: {} })) };
    const said = `${canaries.settings} ${canaries.session} ${Buffer.from(canaries.session).toString('base64')}`;
    const steps = echoes.flatMap((echo) => [call, echo(`bad key ${said}`)]);
    const model = await startModelServer([
      ...steps,
      ...steps,
      ...echoes.map((echo) => echo(`bad key ${said}`)),
    ]);
    const env = { PORT: '0', DATA_DIR: dir, baseUrl: model.baseUrl, apiKey: canaries.settings, model: 'm' };
    const app = await openApp(readConfig({ env, cwd: dir }), log);
    try {
      const openSpec = (security: object): object => ({
        openapi: '3.1.0',
        info: { title: 'Echo', version: '1' },
        servers: [{ url }],
        components: {
          securitySchemes: {
            a: { type: 'http', scheme: 'basic' },
            b: { type: 'apiKey', in: 'query', name: 'key' },
            c: { type: 'http', scheme: 'bearer' },
          },
        },
        security: [security],
        paths: { '/look': { get: { operationId: 'look' } }, '/fail': { get: { operationId: 'fail' } } },
      });
      const documents = [
        { openSpec: openSpec({ c: [] }), apiKey: { type: 'bearer', apiKey: canaries.bearer } },
        {
          openSpec: openSpec({ a: [], b: [] }),
          credentials: { a: { username: 'me', password: canaries.password }, b: canaries.client },
        },
      ];
      let told = '';
      for (const [at, llmConfig] of [
        { baseUrl: model.baseUrl, apiKey: canaries.session },
        undefined,
      ].entries()) {
        const opened = await fetch(`${app.url}/api/init`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ llmConfig, openSpecList: [documents[at]], reasoning: true }),
        });
        const { id } = (await opened.json()) as { id: string };
        const chat = await openChat(`${app.url.replace('http', 'ws')}/api/chat?id=${id}`);
        for (let turn = 1; turn <= echoes.length; turn++) {
          chat.send({ contentList: [{ type: 'text', message: 'look' }], stream: turn % 2 === 0 });
          await chat.tasksEnded(turn);
        }
        told += JSON.stringify(chat.seen) + (await (await fetch(`${app.url}/api/history?id=${id}`)).text());
        await chat.close();
      }
      // A failure with everything behind it, as the log takes it.
      const alone = openModels({ fetch }).open({ baseUrl: model.baseUrl, apiKey: canaries.session });
      for (const _ of echoes) log.error({ err: await rejection(ask(alone)) }, 'the model failed');
      model.expectDone();
      expect(told).to.contain('"TASK_STOP"'.replaceAll('"', '')).and.to.contain('model_error');
      expect(told.match(/\[secret\]|\*\*\*/g)?.length).to.be.above(20);
      expect(leaksIn(told), 'told').to.deep.equal([]);
      expect(
        leaksIn(JSON.stringify(model.requests.map(({ body }) => body))),
        'shown to the model',
      ).to.deep.equal([]);
    } finally {
      await app.close();
      await log.close();
      await model.close();
      device.close();
      device.closeAllConnections();
    }
    expect(logged).to.contain('[secret]');
    expect(leaksIn(logged), 'logged').to.deep.equal([]);
    for (const file of readdirSync(dir))
      expect(leaksIn(readFileSync(join(dir, file), 'latin1')), file).to.deep.equal([]);
    rmSync(dir, { recursive: true });
  });
});
