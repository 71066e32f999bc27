import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openTestApp, type TestApp } from '../support/app.ts';
import { FloodServer } from '../support/flood-server.ts';
import { yamlOf } from '../support/flood-world.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';
import { checkLoop } from '../support/loop-watchdog.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../support/model-server.ts';

const CLIENT = '127.0.0.10';

/** A document of about so many megabytes, most of it an extension. Its text is JSON, and YAML as well. */
function documentOf(megabytes: number, word: string): object {
  const fields = Array.from({ length: 10_000 }, (_, at) => [`field${at}`, word.repeat(90 / word.length)]);
  const part = Object.fromEntries(fields) as object;
  return {
    openapi: '3.1.0',
    info: { title: 'Lamp', version: '1' },
    servers: [{ url: 'http://127.0.0.1:9' }],
    paths: {
      '/lamp': { put: { operationId: 'set_lamp', responses: { '200': { description: 'set' } } } },
    },
    'x-parts': Array.from({ length: megabytes }, () => part),
  };
}

describe('large documents', function () {
  this.timeout(60_000);

  describe('in any form', () => {
    const steps: ModelServerStep[] = [];
    let folder: string;
    let model: ModelServer;
    let lamp: HttpDevice;
    let app: TestApp;

    const open = (): Promise<TestApp> => openTestApp({ DATABASE_URL: `sqlite:${join(folder, 'a.db')}` });

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'large-documents-'));
      model = await startModelServer(steps);
      lamp = await openHttpDevice();
      app = await open();
    });
    afterEach(async () => {
      await app.close();
      await Promise.all([model.close(), lamp.close()]);
      rmSync(folder, { recursive: true });
    });

    const document = documentOf(1, 'größer ');
    const text = JSON.stringify(document);
    const forms: [string, unknown][] = [
      ['an object', document],
      ['a JSON text', text],
      ['a JSON text behind a byte order mark', `\uFEFF${text}`],
      ['a YAML text', `# YAML\n${text.replace('{"openapi":"3.1.0",', '{openapi: 3.1.0, ')}`],
    ];
    for (const [name, openSpec] of forms)
      it(`move a device, also after a restart: ${name}`, async () => {
        const llmConfig = { baseUrl: model.baseUrl, apiKey: 'k', model: 'm' };
        const id = await app.init({ llmConfig, openSpecList: [{ openSpec, server: lamp.url }] });
        for (const restarts of [false, true]) {
          if (restarts) {
            await app.close();
            app = await open();
          }
          steps.push({ calls: [{ name: 'set_lamp', arguments: {} }] }, { text: 'It is set.' });
          const chat = await app.chat(id);
          chat.say('set it');
          await chat.until(() => chat.seen.some(({ message }) => message === '[TASK_DONE]'));
          await chat.close();
        }
        expect(lamp.seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
          'PUT /lamp',
          'PUT /lamp',
        ]);
      });
  });

  describe('hold no event loop', () => {
    let folder: string;
    let server: FloodServer;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'large-documents-'));
      server = await FloodServer.open({ DATA_DIR: folder, DATABASE_URL: `sqlite:${join(folder, 'a.db')}` });
      await init(documentOf(1, 'word ')); // modules are loaded when they are needed first
      await server.report();
    });
    after(async () => {
      await server.close();
      rmSync(folder, { recursive: true });
    });

    async function init(openSpec: unknown): Promise<string> {
      const body = { openSpecList: [{ openSpec }] };
      const { status, text } = await server.send(CLIENT, 'POST', '/api/init', { body });
      return `${status} ${status === 200 ? '' : (JSON.parse(text) as { detail: string }).detail}`;
    }

    const wide = {
      ...documentOf(0, 'word '),
      'x-wide': Object.fromEntries(Array.from({ length: 200_001 }, (_, at) => [`k${at}`, at])),
    };
    const noise = {
      ...documentOf(0, 'word '),
      'x-noise': Array.from({ length: 20_000 }, () => noiseOf(1000)),
    };
    it('a device with an object of 23 MB', async () => {
      const body = { name: 'large', openSpec: documentOf(20, 'word ') };
      const { status, text } = await server.send(CLIENT, 'POST', '/api/devices', { body });
      expect(status, text).to.equal(201);
      checkLoop(await server.report(), 'a device');
    });

    const notPieces = { textPieces: ['{}', 1] };
    const inputs: [string, unknown, string][] = [
      [
        'what only looks like a text in pieces',
        notPieces,
        '400 The document at /openSpecList/0 cannot be used: The document is of no known kind (openapi, openrpc, openmodbus, mcp): its root has none of the keys "openapi", "swagger", "openrpc", "openmodbus", "mcp"; it has textPieces.',
      ],
      ['an object of 60 MB', documentOf(55, 'word '), '200 '],
      ['a text of 55 MB', JSON.stringify(documentOf(45, 'word ')), '200 '],
      ['an object of 60 MB in another script', documentOf(20, '語'), '200 '],
      [
        'a text of 2,100,000 lists',
        `${JSON.stringify(documentOf(0, 'word ')).slice(0, -1)},"x-lists":[${'[],'.repeat(2_100_000)}0]}`,
        '400 The document at /openSpecList/0 cannot be used: The document has too many lists and objects.',
      ],
      [
        'a YAML text of 40 kB whose aliases stand for 76 MB',
        `${yamlOf('first', 10)}x-a: &a ${'abcdefgh'.repeat(1000)}\nx-b: [${Array.from({ length: 9500 }, () => '*a').join(',')}]\n`,
        '400 The document at /openSpecList/0 cannot be used: The document has too many values, its YAML aliases written out.',
      ],
      [
        'an object with 200,001 members',
        wide,
        '400 The document at /openSpecList/0 cannot be used: An object has more than 200000 members.',
      ],
      [
        '20 MB that cannot be compressed',
        noise,
        '413 The configuration has N characters that take more than 4194304 bytes when they are compressed. Leave out what no call needs, or give its documents to several sessions or devices.',
      ],
    ];
    for (const [name, openSpec, outcome] of inputs)
      it(name, async () => {
        expect((await init(openSpec)).replace(/\d{8}/, 'N')).to.equal(outcome);
        checkLoop(await server.report(), name);
      });
  });
});

/** Random letters. */
function noiseOf(length: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(length)))
    .toString('base64')
    .slice(0, length);
}
