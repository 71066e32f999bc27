import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { openLamp } from '../../support/lamp.ts';
import { openMcpHost } from '../../support/mcp-host.ts';
import { openThreadServer } from '../../support/threads.ts';
import { waitFor } from '../../support/wait-for.ts';

const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 's', version: '1' } };
const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params };
const accept = { accept: 'application/json, text/event-stream' };

describe('the connections of MCP hosts', () => {
  it('are limited for each user: the one that is idle for the longest ends first', async () => {
    const server = await openThreadServer({ AUTH: 'required', MCP_CONNECTIONS_PER_CALLER_MAX_COUNT: '3' });
    const [ann, bob] = [await server.caller('ann'), await server.caller('bob')];
    const idOf = async (who = ann) =>
      (await who.call('POST', '/mcp', initialize, accept)).headers.get('mcp-session-id')!;
    const other = await idOf(bob);
    const ids: string[] = [];
    for (let n = 0; n <= 3; n += 1) ids.push(await idOf());
    const ping = async (id: string, who = ann) =>
      (
        await who.call(
          'POST',
          '/mcp',
          { jsonrpc: '2.0', id: 2, method: 'ping' },
          { ...accept, 'mcp-session-id': id },
        )
      ).status;
    expect([
      await ping(ids[0]!),
      await ping(ids[1]!),
      await ping(ids[3]!),
      await ping(other, bob),
    ]).to.deep.equal([404, 200, 200, 200]);
    expect(await ping(ids[1]!, bob)).to.equal(404);
    await server.close();
  });

  it('are limited also when many are opened at once, and 429 says so where all are in use', async () => {
    const server = await openThreadServer({ AUTH: 'required', MCP_CONNECTIONS_PER_CALLER_MAX_COUNT: '2' });
    const ann = await server.caller('ann');
    const open = () => ann.call('POST', '/mcp', initialize, accept);
    const ids = (await Promise.all([open(), open(), open(), open(), open(), open()])).flatMap(
      ({ headers }) => headers.get('mcp-session-id') ?? [],
    );
    const headers = { authorization: `Bearer ${ann.token}`, accept: 'text/event-stream' };
    const streams = await Promise.all(
      ids.map((id) => fetch(`${server.url}/mcp`, { headers: { ...headers, 'mcp-session-id': id } })),
    );
    const inUse = streams.filter(({ status }) => status === 200);
    expect(inUse).to.have.length(2);
    const { status, body } = await open();
    expect([status, body]).to.deep.equal([
      429,
      {
        jsonrpc: '2.0',
        id: null,
        error: {
          code: -32_000,
          message: 'You have 2 MCP connections in use already (MCP_CONNECTIONS_PER_CALLER_MAX_COUNT).',
        },
      },
    ]);
    for (const { body: stream } of streams) await stream?.cancel();
    await waitFor(async () => (await open()).status === 200);
    await server.close();
  });

  it('spend a request of the budget for each message of a list', async () => {
    const server = await openThreadServer({ AUTH: 'required', REQUESTS_PER_MINUTE_MAX_COUNT: '20' });
    const ann = await server.caller('ann');
    const old = { ...initialize, params: { ...params, protocolVersion: '2025-03-26' } };
    const { headers } = await ann.call('POST', '/mcp', old, accept);
    const within = { ...accept, 'mcp-session-id': headers.get('mcp-session-id')! };
    const batch = Array.from({ length: 8 }, (_, n) => ({ jsonrpc: '2.0', id: n + 2, method: 'ping' }));
    const statuses: number[] = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await ann.call('POST', '/mcp', batch, within)).status);
    expect(statuses).to.deep.equal([200, 200, 429]);
    await server.close();
  });

  it('leave nothing behind for an initialize that is not valid, or that takes no stream', async () => {
    const server = await openThreadServer({ AUTH: 'required' });
    const ann = await server.caller('ann');
    const wrong = { ...initialize, params: { ...params, capabilities: 5 } };
    const refused = [
      await ann.call('POST', '/mcp', wrong, accept),
      await ann.call('POST', '/mcp', initialize, { accept: 'application/json' }),
    ];
    expect(refused.map(({ headers, status }) => [headers.get('mcp-session-id'), status])).to.deep.equal([
      [null, 400],
      [null, 406],
    ]);
    await server.close();
  });

  it('end with the server; a call that waits for an approval waits on in the log, and is not sent', async () => {
    const server = await openThreadServer({ AUTH: 'required' });
    const [ann, admin] = [await server.caller('ann'), await server.caller('root', 'admin')];
    const lamp = await openLamp();
    const rules: JsonObject = { calls: [{ tools: ['set_*'], decision: 'ask' }] };
    await admin.call('POST', '/api/devices', { ...lamp.registration('lamp'), rules });
    const host = await openMcpHost(`${server.url}/mcp`, { token: ann.token });
    const called = host.call('set_brightness', { brightness: 5 });
    const open = async () => (await ann.call('GET', '/api/approvals')).body as unknown[];
    await waitFor(async () => (await open()).length === 1);
    await server.app.close();
    const { result, isError } = await called;
    const { code, effect } = result['error'] as JsonObject;
    const waiting = await server.accounts.db
      .selectFrom('questions' as never)
      .selectAll()
      .where('is_open' as never, '=', 1 as never)
      .execute();
    expect([isError, code, effect, waiting.length, lamp.seen]).to.deep.equal([
      true,
      'unavailable',
      'unknown',
      1,
      [],
    ]);
    await host.client.close();
    await server.close();
    await lamp.close();
  });
});
