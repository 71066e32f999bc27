import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { sql } from 'kysely';
import { openLlmops, type LlmopsUnderTest } from '../../support/llmops.ts';

describe('the HTTP status of LLMOps answers', () => {
  let folder: string;
  let test: LlmopsUnderTest | undefined;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-llmops-'));
  });
  afterEach(async () => {
    await test?.close();
    test = undefined;
  });
  after(() => rm(folder, { recursive: true }));

  it('is always 200 where LLMOPS_HTTP_STATUS says so', async () => {
    const env = { LLMOPS_HTTP_STATUS: 'always200' };
    test = await openLlmops(`sqlite:${join(folder, 'always.db')}`, env);
    const ann = await test.client();
    const ben = await test.client();
    const app = await ann.newApp();
    const answers = [
      ann.get(`/apps/${app}`),
      ann.post(`/apps/${app}/publish`),
      ann.get('/apps/none'),
      test.clientWith('').get('/apps'),
      ben.get(`/apps/${app}`),
      ann.post('/apps', {}),
      ann.get('/apps/a/b/c'),
    ];
    expect((await Promise.all(answers)).map(({ status, code }) => [status, code])).to.deep.equal([
      [200, 'success'],
      [200, 'fail'],
      [200, 'not_found'],
      [200, 'unauthorized'],
      [200, 'forbidden'],
      [200, 'validate_error'],
      [200, 'not_found'],
    ]);
    const other = await fetch(`${test.url}/api/history?id=none`);
    expect(other.status).to.equal(404);
  });

  it('is 500 when the server itself fails, and nothing of the cause is told', async () => {
    test = await openLlmops(`sqlite:${join(folder, 'broken.db')}`);
    const ann = await test.client();
    const app = await ann.newApp(test.config());
    await sql`alter table app_versions rename to canary_of_internals`.execute(test.db);
    const failed = { status: 500, code: 'fail', data: {}, message: 'The server failed; its log says why.' };
    expect(await ann.get(`/apps/${app}`)).to.deep.equal(failed);
    expect(await ann.ask(app, 'Hi?')).to.deep.equal(failed);
    expect(await ann.post(`/apps/${app}/publish`)).to.deep.equal(failed);
    expect(test.complaints.splice(0)).to.have.length(3);
  });
});
