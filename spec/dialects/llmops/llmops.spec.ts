import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describeLlmopsApps } from '../../contracts/llmops-apps.ts';
import { describeLlmopsDebug } from '../../contracts/llmops-debug.ts';
import { describeLlmopsMemory } from '../../contracts/llmops-memory.ts';
import { openLlmops, type LlmopsUnderTest } from '../../support/llmops.ts';
import { openPostgresServer, type Postgres } from '../../support/postgres.ts';

/** All of contract 3 over one database. */
function describeLlmops(name: string, databaseUrl: () => Promise<string>): void {
  describe(name, function () {
    this.timeout(20_000);
    let test: LlmopsUnderTest;
    before(async () => {
      test = await openLlmops(await databaseUrl());
    });
    after(async () => {
      await test.close();
      expect(test.complaints).to.deep.equal([]);
    });
    describeLlmopsApps(() => test);
    describeLlmopsDebug(() => test);
    describeLlmopsMemory(() => test);
  });
}

describe('the LLMOps dialect', function () {
  this.timeout(60_000);
  let folder: string;
  let postgres: Postgres;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-llmops-'));
    postgres = await openPostgresServer();
  });
  after(async () => {
    await postgres.close();
    await rm(folder, { recursive: true });
  });

  describeLlmops('on SQLite', async () => `sqlite:${join(folder, 'a.db')}`);
  describeLlmops('on PostgreSQL', () => postgres.createDatabase());
});
