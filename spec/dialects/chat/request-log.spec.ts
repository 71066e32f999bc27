import { expect } from 'chai';
import { openApp, type App } from '../../../lib/app.ts';
import { readConfig } from '../../../lib/config.ts';
import { openLog, type OpenLog } from '../../../lib/log.ts';
import { password } from '../../support/chat-world.ts';
import { openRest, type Rest } from '../../support/rest.ts';

describe('the request log of the chat dialect', () => {
  let app: App;
  let log: OpenLog;
  let rest: Rest;
  let text = '';
  before(async () => {
    log = await openLog({ level: 'info', stream: { write: (line: string) => (text += line) } });
    const env = { PORT: '0', DATABASE_URL: 'sqlite::memory:' };
    app = await openApp(readConfig({ env, cwd: '/nowhere' }), log);
    rest = openRest(app.url);
  });
  after(async () => {
    await app.close();
    await log.close();
  });

  const line = (path: string): Record<string, unknown> | undefined =>
    text
      .split('\n')
      .filter(Boolean)
      .map((one) => JSON.parse(one) as Record<string, unknown>)
      .find((one) => one['path'] === path);

  it('has one JSON line a request, and believes no X-Forwarded-For', async () => {
    const headers = {
      'x-request-id': 'r-1',
      'x-trace-id': 't-1',
      'x-forwarded-for': '6.6.6.6',
      'x-real-ip': '6.6.6.6',
    };
    const body = { email: 'a@example.com', username: 'a', password };
    const { access_token: token } = await rest.ok<{ access_token: string }>(200, 'POST', '/user/register', {
      body,
      headers,
    });
    await rest.ok(200, 'GET', '/user/me', { token });
    const registered = line('/user/register')!;
    expect(registered).to.include({
      level: 'info',
      request_id: 'r-1',
      trace_id: 't-1',
      client_ip: '127.0.0.1',
      method: 'POST',
      path: '/user/register',
      message: 'POST /user/register',
      status: 200,
    });
    expect(Date.parse(String(registered['time']))).to.be.closeTo(Date.now(), 60_000);
    expect(registered['response_time_ms']).to.be.a('number');
    expect(line('/user/me')!['user_id']).to.match(/^[\da-f-]{36}$/);
    expect(text).to.not.include('6.6.6.6');
    expect(text).to.not.include(password);
    expect(text).to.not.include(token);
  });

  it('takes no name of a request that could forge a line', async () => {
    const answer = await rest.call('GET', '/user/me', {
      headers: { 'x-request-id': 'a b","level":"x', 'x-trace-id': 'x'.repeat(200) },
    });
    expect(answer.headers.get('x-request-id')).to.match(/^[\da-f-]{36}$/);
    expect(answer.headers.get('x-trace-id')).to.match(/^[\da-f]{32}$/);
  });
});
