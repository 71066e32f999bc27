import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { AppError } from '../lib/errors.ts';
import { openLog, quiet, type LogOptions } from '../lib/log.ts';

type Line = Record<string, unknown>;

describe('openLog', () => {
  /** What is written while `act` runs, a JSON value a line. */
  async function linesOf(
    options: LogOptions,
    act: (log: Awaited<ReturnType<typeof openLog>>) => void,
  ): Promise<Line[]> {
    let text = '';
    const log = await openLog({ ...options, stream: { write: (line) => (text += line) } });
    act(log);
    await log.close();
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  }

  it('writes one JSON line with level, time, message and fields', async () => {
    const [line, ...more] = await linesOf({ level: 'info' }, (log) =>
      log.info({ tools: 3 }, 'session opened'),
    );
    expect(more).to.deep.equal([]);
    expect(line).to.deep.include({ level: 'info', message: 'session opened', tools: 3 });
    expect(Object.keys(line ?? {})).to.deep.equal(['level', 'time', 'tools', 'message']);
    expect(Math.abs(Date.parse(String(line?.['time'])) - Date.now())).to.be.below(5000);
  });

  it('writes one line for people for each request, on a terminal', async () => {
    let text = '';
    const log = await openLog({ level: 'info', pretty: true, stream: { write: (line) => (text += line) } });
    const fields = {
      request_id: 'r1',
      trace_id: 't1',
      client_ip: '::1',
      method: 'GET',
      path: '/',
      status: 200,
    };
    log.info(fields, 'GET /');
    await log.close();
    const plain = stripVTControlCharacters(text);
    expect(plain).to.match(/^\[[\d:.]+\] INFO: GET \/ \{"request_id":"r1","status":200\}\n$/);
  });

  it('writes nothing below its level', async () => {
    const lines = await linesOf({ level: 'warn' }, (log) => {
      log.debug({}, '1');
      log.info({}, '2');
      log.warn({}, '3');
      log.error({}, '4');
    });
    expect(lines.map(({ message }) => message)).to.deep.equal(['3', '4']);
  });

  it('writes an error with its stack, code and causes', async () => {
    const cause = new AppError('timeout', 'the device hangs');
    const [line] = await linesOf({ level: 'error' }, (log) =>
      log.error({ error: new Error('no answer', { cause }) }, 'a task failed'),
    );
    expect(line?.['error']).to.deep.include({ name: 'Error', message: 'no answer' });
    const error = line?.['error'] as { stack: string; cause: object };
    expect(error.stack).to.include('log.spec.ts');
    expect(error.cause).to.deep.include({ name: 'AppError', code: 'timeout', message: 'the device hangs' });
  });

  it('replaces secrets in names, texts, errors and messages', async () => {
    const url = 'https://me:hunter2@plc.local/api?ticket=hunter2&x=1';
    const lines = await linesOf({ level: 'info' }, (log) => {
      log.info(
        {
          headers: {
            authorization: 'hunter2',
            'proxy-authorization': 'hunter2',
            Cookie: 'hunter2',
            'x-api-key': 'hunter2',
          },
          apiKey: { type: 'bearer', apiKey: 'hunter2' },
          list: [
            { api_key: 'hunter2', AUTH_TOKEN: 'hunter2', password: 'hunter2', credentials: { s: 'hunter2' } },
          ],
          clientSecret: 'hunter2',
          protocols: 'liteagent, bearer.hunter2hunter2',
          place: new URL(url),
          error: new Error('refused: Basic hunter2hunter2=='),
          key: 'wrong key sk-hunter2hunter2hunter2',
          usage: { promptTokens: 100, maxTokens: 4096 },
        },
        `called ${url} with Authorization: Bearer hunter2hunter2`,
      );
    });
    const [line] = lines;
    expect(JSON.stringify(lines)).not.to.include('hunter2');
    expect(line).to.deep.include({
      message:
        'called https://[secret]@plc.local/api?ticket=[secret]&x=1 with Authorization: Bearer [secret]',
      usage: { promptTokens: 100, maxTokens: 4096 },
      key: 'wrong key sk-[secret]',
    });
  });

  it('never throws, with any fields', async () => {
    const loop: Line = { n: 1n, f: () => {}, when: new Date(0), none: null, missing: undefined };
    loop['self'] = loop;
    const trap = {
      get bad() {
        throw new Error('no');
      },
      good: 1,
    };
    const [line] = await linesOf({ level: 'info' }, (log) => log.info({ loop, trap }, 'odd'));
    expect(line?.['trap']).to.deep.equal({ bad: '[unreadable: no]', good: 1 });
    expect(line?.['loop']).to.deep.include({ n: '1', none: null });
  });

  describe('with a file', () => {
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'log-'))));
    afterEach(() => rmSync(folder, { recursive: true }));

    it('has written every line to it when it is closed, and goes on in the same file', async () => {
      const file = join(folder, 'deep/agent.log');
      await linesOf({ level: 'info', file }, (log) => log.info({}, 'one'));
      const screen = await linesOf({ level: 'info', file }, (log) => log.info({ token: 'hunter2' }, 'two'));
      const lines = readFileSync(file, 'utf8').trim().split('\n');
      expect(lines.map((line) => (JSON.parse(line) as Line)['message'])).to.deep.equal(['one', 'two']);
      expect(JSON.parse(lines[1] ?? '')).to.deep.equal(screen[0]);
    });

    it('names the file that cannot be opened', async () => {
      const error = await openLog({ level: 'info', file: folder }).catch((error: unknown) => error);
      expect(error)
        .to.be.instanceOf(AppError)
        .with.property('message')
        .that.match(/^LOG_FILE .* cannot be opened: EISDIR/);
    });
  });

  it('writes nothing when it is silent', async () => {
    expect(await openLog({ level: 'silent' })).to.equal(quiet);
    quiet.error({}, 'nobody hears this');
    await quiet.close();
  });
});
