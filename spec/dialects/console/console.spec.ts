import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createConsole } from '../../../lib/dialects/console/console.ts';
import { packageVersion } from '../../../lib/package.ts';
import { openTestApp, type TestApp } from '../../support/app.ts';
import { openConsoleApp } from '../../support/console.ts';
import { startModelServer, type ModelServer } from '../../support/model-server.ts';

describe('the console', function () {
  this.timeout(30_000);
  let app: TestApp;
  let model: ModelServer | undefined;
  afterEach(async () => {
    await app.close();
    await model?.close();
    model = undefined;
  });

  describe('the page', () => {
    it('says how it is built, where it is not', async () => {
      const empty = mkdtempSync(join(tmpdir(), 'lite-agent-console-'));
      app = await openTestApp({}, { dialects: [createConsole(empty)] });
      const answer = await app.get('/');
      rmSync(empty, { recursive: true });
      expect([answer.status, (answer.body as { detail: string }).detail]).to.deep.equal([
        404,
        'The console is not built: run `npm run build`.',
      ]);
    });

    it('runs only scripts of this server, none of them inline, and goes into no frame', async () => {
      app = await openConsoleApp();
      const answer = await fetch(`${app.url}/`);
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).to.include("default-src 'none'; script-src 'self'; style-src 'self';");
      expect(policy).to.include("frame-ancestors 'none'");
      expect(policy).to.not.include('unsafe');
      expect(await answer.text()).to.not.match(/<script>|<style|https?:/);
    });

    it('loads with less than 90 kB, compressed, and is kept by browsers', async () => {
      app = await openConsoleApp();
      const page = await (await fetch(`${app.url}/`)).text();
      const files = [...page.matchAll(/\/console\/[\w.-]+/g)].map(([path]) => path);
      expect(files).to.have.length(3);
      let bytes = page.length;
      for (const path of files) {
        const answer = await fetch(`${app.url}${path}`, { headers: { 'accept-encoding': 'gzip' } });
        expect([answer.headers.get('content-encoding'), answer.headers.get('cache-control')]).to.deep.equal([
          'gzip',
          'public, max-age=31536000, immutable',
        ]);
        bytes += Number(answer.headers.get('content-length'));
        await answer.body?.cancel();
      }
      expect(bytes).to.be.below(90_000);
    });
  });

  describe('the sessions of a caller', () => {
    it('are listed, named and removed', async () => {
      app = await openConsoleApp();
      const first = await app.init({});
      const second = await app.init({ timeoutSeconds: 60 });
      expect(await app.post(`/api/sessions/${first}`, { title: 'Kitchen' })).to.deep.equal({
        status: 200,
        body: { id: first, title: 'Kitchen' },
      });
      const listed = (await app.get('/api/sessions')).body as { id: string; title: string | null }[];
      expect(new Map(listed.map(({ id, title }) => [id, title]))).to.deep.equal(
        new Map([
          [second, null],
          [first, 'Kitchen'],
        ]),
      );
      const removed = await fetch(`${app.url}/api/sessions/${first}`, { method: 'DELETE' });
      expect(removed.status).to.equal(204);
      expect(((await app.get('/api/sessions')).body as { id: string }[]).map(({ id }) => id)).to.deep.equal([
        second,
      ]);
      expect((await app.get(`/api/history?id=${first}`)).status).to.equal(404);
    });

    it('say how many tokens they took, in all and by model', async () => {
      model = await startModelServer([{ text: 'Hi.' }, { text: 'Hi again.' }, { text: 'Other.' }]);
      app = await openConsoleApp({ baseUrl: model.baseUrl, model: 'gpt-x' });
      const id = await app.init({});
      const none = { promptTokens: 0, completionTokens: 0, totalTokens: 0, models: [] };
      expect(await app.get(`/api/sessions/${id}/usage`)).to.deep.equal({ status: 200, body: none });
      const chat = await app.chat(id);
      for (const turn of [1, 2]) {
        chat.say('Hello');
        await chat.tasksEnded(turn);
      }
      await chat.close();
      const counts = { promptTokens: 200, completionTokens: 40, totalTokens: 240 };
      expect((await app.get(`/api/sessions/${id}/usage`)).body).to.deep.equal({
        ...counts,
        models: [{ model: 'gpt-x', replies: 2, ...counts }],
      });
    });

    it('have the one first that was used last', async () => {
      app = await openConsoleApp();
      const ids = [await app.init({}), await app.init({})];
      const chat = await app.chat(ids[0]!);
      chat.say('Hello');
      await chat.tasksEnded(1);
      await chat.close();
      const listed = (await app.get('/api/sessions')).body as { id: string }[];
      expect(listed.map(({ id }) => id)).to.deep.equal(ids);
    });
  });

  describe('the history', () => {
    it('begins where a client wants, so that a long one opens at once', async () => {
      app = await openConsoleApp();
      const id = await app.init({ systemPrompt: 'Be kind.' });
      const chat = await app.chat(id);
      chat.say('Hello');
      await chat.tasksEnded(1);
      await chat.close();
      const whole = await app.history(id);
      const last = async (lines: string): Promise<unknown> =>
        (await app.get(`/api/history?id=${id}&last=${lines}`)).body;
      expect(await last('1')).to.deep.equal(whole.slice(-1));
      expect(await last('2')).to.deep.equal(whole.slice(-3));
      expect(await last('999')).to.deep.equal(whole);
      expect((await app.get(`/api/history?id=${id}&last=0`)).status).to.equal(400);
    });
  });

  describe('the state of the server', () => {
    it('names the model, the database, what the caller may do, and the unsafe settings', async () => {
      app = await openConsoleApp();
      const { body } = await app.get('/api/status');
      const { uptimeSeconds, database, ...rest } = body as {
        uptimeSeconds: number;
        database: { kind: string };
      };
      expect(uptimeSeconds).to.be.a('number');
      expect(database.kind).to.equal('sqlite');
      expect(rest).to.deep.equal({
        version: packageVersion(),
        model: { demo: true, name: 'demo', host: null },
        nodes: 1,
        simulates: true,
        may: { manageDevices: true, commandDevices: true },
        unsafe: [],
      });
    });

    it('shows only the host of a model', async () => {
      app = await openConsoleApp({ baseUrl: 'http://models.example:8080/v1', model: 'qwen' });
      const { model: shown } = (await app.get('/api/status')).body as { model: object };
      expect(shown).to.deep.equal({ demo: false, name: 'qwen', host: 'models.example:8080' });
    });

    it('says how people sign in', async () => {
      app = await openConsoleApp({
        AUTH: 'required',
        REGISTRATION: 'closed',
        SMS_WEBHOOK_URL: 'http://127.0.0.1:9/sms',
        GITHUB_CLIENT_ID: 'id',
        GITHUB_CLIENT_SECRET: 'secret',
      });
      expect((await app.get('/api/access')).body).to.deep.equal({
        auth: 'required',
        registration: 'closed',
        ways: ['password', 'telephone', 'token'],
        providers: [{ name: 'github', title: 'GitHub' }],
      });
      expect((await app.get('/api/status')).status).to.equal(401);
    });
  });

  describe('a trial', () => {
    it('runs the device of an example, and the same device for the same document', async () => {
      app = await openConsoleApp();
      const examples = (await app.get('/api/trial/examples')).body as { name: string; openSpec: string }[];
      expect(examples.map(({ name }) => name)).to.deep.equal(['lights', 'air-conditioner', 'robot']);
      const { openSpec } = examples[0]!;
      const first = (await app.post('/api/trial/devices', { openSpec })).body as {
        server: string;
        kind: string;
      };
      expect(first.kind).to.equal('openapi');
      expect((await app.post('/api/trial/devices', { openSpec })).body).to.deep.equal(first);
      const lights = await fetch(`${first.server}/rooms`);
      expect(lights.status).to.equal(200);
      await lights.body?.cancel();
    });

    it('comes back at its address when the server starts again, for the devices and sessions that name it', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'trial-'));
      const settings = { DATABASE_URL: `sqlite:${join(folder, 'server.db')}`, DATA_DIR: folder };
      try {
        app = await openConsoleApp(settings);
        const examples = (await app.get('/api/trial/examples')).body as { name: string; openSpec: string }[];
        const servers: string[] = [];
        for (const { name, openSpec } of examples) {
          const { server } = (await app.post('/api/trial/devices', { openSpec })).body as { server: string };
          servers.push(server);
          const { status } = await app.post('/api/devices', { name, openSpec, server });
          expect(status).to.equal(201);
        }
        await app.close();
        app = await openConsoleApp(settings);
        const reached = [];
        for (const { name } of examples)
          reached.push(
            ((await app.post(`/api/devices/${name}/check`)).body as { reachable: boolean }).reachable,
          );
        expect(reached).to.deep.equal([true, true, true]);
        const again = [];
        for (const { openSpec } of examples)
          again.push(
            ((await app.post('/api/trial/devices', { openSpec })).body as { server: string }).server,
          );
        expect(again).to.deep.equal(servers);
      } finally {
        await app.close();
        rmSync(folder, { recursive: true });
      }
    });

    it('whose port another program has does not keep the server from starting', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'trial-'));
      const settings = { DATABASE_URL: `sqlite:${join(folder, 'server.db')}`, DATA_DIR: folder };
      const other = createServer();
      try {
        app = await openConsoleApp(settings);
        const [{ openSpec }] = (await app.get('/api/trial/examples')).body as [{ openSpec: string }];
        const { server } = (await app.post('/api/trial/devices', { openSpec })).body as { server: string };
        await app.close();
        await new Promise<void>((resolve) => {
          other.listen(Number(new URL(server).port), '127.0.0.1', resolve);
        });
        app = await openConsoleApp(settings);
        expect(app.complaints.some((text) => text.includes('EADDRINUSE'))).to.equal(true);
        expect((await app.post('/api/trial/devices', { openSpec })).status).to.equal(200);
      } finally {
        await app.close();
        other.close();
        rmSync(folder, { recursive: true });
      }
    });

    it('refuses a document that cannot be used', async () => {
      app = await openConsoleApp();
      const { status, body } = await app.post('/api/trial/devices', { openSpec: '{"openapi": "3.1.0"' });
      expect([status, (body as { detail: string }).detail]).to.deep.equal([
        400,
        "The document is not valid JSON: line 1, column 20: Expected ',' or '}' after property value",
      ]);
    });

    for (const opened of [{ HOST: '0.0.0.0' }, { PUBLIC_URL: 'https://agent.example' }])
      it(`runs no device where other machines reach the server: ${JSON.stringify(opened)}`, async () => {
        const TOKEN = 'a-token-of-the-operator-0123456789abcdef';
        app = await openConsoleApp({ ...opened, AUTH_TOKEN: TOKEN });
        const answer = await fetch(`${app.url.replace('0.0.0.0', '127.0.0.1')}/api/trial/devices`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
          body: JSON.stringify({ openSpec: '{}' }),
        });
        expect([answer.status, ((await answer.json()) as { detail: string }).detail]).to.deep.equal([
          403,
          'Other machines reach this server, so that it runs no simulated devices: use `lite-agent simulate` on the machine of the devices.',
        ]);
      });

    it('asks the model of the settings, and another one', async () => {
      model = await startModelServer([{ text: 'ready' }]);
      app = await openConsoleApp();
      const test = async (body: object): Promise<object> => {
        const { ms, ...rest } = (await app.post('/api/model/test', body)).body as { ms: number };
        expect(ms).to.be.a('number');
        return rest;
      };
      const answered = (await test({ baseUrl: model.baseUrl, apiKey: 'none', model: 'm' })) as {
        detail: string;
      };
      expect(answered).to.include({ ok: true, detail: 'ready' });
      expect(await test({})).to.include({ ok: true, model: 'demo' });
      const silent = (await test({ baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'sk-very-secret' })) as {
        detail: string;
      };
      expect(silent).to.include({ ok: false, model: null });
      expect(silent.detail).to.not.include('sk-very-secret');
    });
  });
});
