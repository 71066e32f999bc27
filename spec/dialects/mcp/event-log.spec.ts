import { expect } from 'chai';
import { EventLog } from '../../../lib/dialects/mcp/event-log.ts';

const note = (method: string, text = '') => ({ jsonrpc: '2.0' as const, method, params: { text } });

describe('the events of an MCP host', () => {
  const replay = async (log: EventLog, id: string): Promise<string[]> => {
    const methods: string[] = [];
    await log.replayEventsAfter(id, {
      async send(_id, message) {
        methods.push('method' in message ? message.method : '');
      },
    });
    return methods;
  };

  it('come again from the same stream, in order, after the one that the host names', async () => {
    const log = new EventLog();
    await log.storeEvent('a', note('1'));
    const id = await log.storeEvent('a', note('2'));
    await log.storeEvent('b', note('3'));
    await log.storeEvent('a', note('4'));
    await log.storeEvent('a', note('5'));
    expect([log.streamOf(id), await replay(log, id)]).to.deep.equal(['a', ['4', '5']]);
  });

  it('come again also when they come while the others are sent', async () => {
    const log = new EventLog();
    const id = await log.storeEvent('a', note('1'));
    await log.storeEvent('a', note('2'));
    const methods: string[] = [];
    await log.replayEventsAfter(id, {
      async send(_id, message) {
        if (methods.push('method' in message ? message.method : '') === 1)
          await log.storeEvent('a', note('3'));
      },
    });
    expect(methods).to.deep.equal(['2', '3']);
  });

  it('are kept up to a number and a size; nobody resumes from one that is gone', async () => {
    const many = new EventLog();
    const first = await many.storeEvent('a', note('0'));
    for (let n = 1; n <= 1000; n += 1) await many.storeEvent('a', note(String(n)));
    const large = new EventLog();
    const lost = await large.storeEvent('a', note('0'));
    await large.storeEvent('a', note('1', 'x'.repeat(9_000_000)));
    expect([
      many.streamOf(first),
      large.streamOf(lost),
      large.streamOf('2'),
      large.streamOf('__proto__'),
    ]).to.deep.equal([undefined, undefined, 'a', undefined]);
  });
});
