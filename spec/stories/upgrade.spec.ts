import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite from 'better-sqlite3';
import { expect } from 'chai';
import { line, openTestApp } from '../support/app.ts';

/** What the server of the first version had in its settings. */
const SECRET_KEY = 'the secret of the first version';
const SESSION = '6708e223-969a-4c1d-9e80-601ffb6a3c05';

describe('an upgrade from the first version', function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'upgrade-'));
    mkdirSync(join(folder, 'data'));
    const database = new BetterSqlite(join(folder, 'data', 'lite-agent.db'));
    database.exec(readFileSync(fileURLToPath(new URL('first-version.sql', import.meta.url)), 'utf8'));
    database.close();
    chmodSync(join(folder, 'data'), 0o755);
    chmodSync(join(folder, 'data', 'lite-agent.db'), 0o644);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('brings a database up with its sessions and messages, and their sessions go on', async () => {
    const app = await openTestApp({
      DATA_DIR: join(folder, 'data'),
      DATABASE_URL: `sqlite:${join(folder, 'data', 'lite-agent.db')}`,
      SECRET_KEY,
    });
    try {
      const texts = (await app.history(SESSION)).filter(({ type }) => type !== 'functionCallList').map(line);
      expect(texts).to.deep.equal([
        'SYSTEM -> AGENT: [text] You help at home.',
        'AGENT -> CLIENT: [text] [TASK_START]',
        'USER -> AGENT: [text] set the brightness to 42',
        'AGENT -> LLM: [text] set the brightness to 42',
        'AGENT -> CLIENT: [text] [TOOLS_START]',
        'TOOL -> AGENT: [toolReturn] {"id":"call_demo_2_1","result":{"statusCode":200,"body":"{}"}}',
        'AGENT -> LLM: [toolReturn] {"id":"call_demo_2_1","result":{"statusCode":200,"body":"{}"}}',
        'TOOL -> AGENT: [text] [TOOLS_DONE]',
        'AGENT -> CLIENT: [text] [TOOLS_DONE]',
        'LLM -> AGENT: [text] Done: Set brightness (brightness 42).',
        'AGENT -> USER: [text] Done: Set brightness (brightness 42).',
        'AGENT -> CLIENT: [text] [TASK_DONE]',
        'AGENT -> CLIENT: [text] [TASK_START]',
        'USER -> AGENT: [text] get the state',
        'AGENT -> LLM: [text] get the state',
        'AGENT -> CLIENT: [text] [TOOLS_START]',
        'TOOL -> AGENT: [toolReturn] {"id":"call_demo_6_1","result":{"statusCode":200,"body":"{}"}}',
        'AGENT -> LLM: [toolReturn] {"id":"call_demo_6_1","result":{"statusCode":200,"body":"{}"}}',
        'TOOL -> AGENT: [text] [TOOLS_DONE]',
        'AGENT -> CLIENT: [text] [TOOLS_DONE]',
        'LLM -> AGENT: [text] State: nothing.',
        'AGENT -> USER: [text] State: nothing.',
        'AGENT -> CLIENT: [text] [TASK_DONE]',
      ]);
      const chat = await app.chat(SESSION);
      chat.say('hello');
      await chat.tasksEnded(1);
      await chat.close();
      const after = (await app.history(SESSION)).filter(({ type }) => type !== 'functionCallList').map(line);
      expect(after.slice(0, texts.length)).to.deep.equal(texts);
      expect(after.at(-1)).to.equal('AGENT -> CLIENT: [text] [TASK_DONE]');
      // The first version left its files open to others.
      const closed = 'this was open to other users of the machine; it is closed to them now';
      expect([...new Set(app.complaints)]).to.deep.equal([closed]);
    } finally {
      await app.close();
    }
  });
});
