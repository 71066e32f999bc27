import { expect } from 'chai';
import type { ModelMessage, ToolOffer } from '../../lib/core/model.ts';
import { failed } from '../../lib/core/tool.ts';
import { createToolbox } from '../../lib/core/toolbox.ts';
import { createToolSelector } from '../../lib/openspec/tool-selector.ts';
import { fakeTool } from '../support/world.ts';

const user = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });
const signal = new AbortController().signal;

describe('the toolbox', () => {
  it('gives the second tool of a name a numbered suffix, and calls the tool that was offered under a name', async () => {
    const long = 'x'.repeat(64);
    const first = fakeTool('set', 'write', () => ({ by: 'first' }));
    const second = fakeTool('set', 'write', (_args, { connection }) => ({
      by: 'second',
      server: connection.server!,
    }));
    const sources = [
      { tools: [first, fakeTool(long, 'read', () => ({}))], connection: {} },
      { tools: [second, fakeTool(long, 'read', () => ({}))], connection: { server: 'http://second' } },
    ];
    const toolbox = createToolbox(sources, { resultMaxBytes: 1000 });
    expect((await toolbox.offersFor([])).map(({ name }) => name)).to.deep.equal([
      'set',
      long,
      'set_2',
      `${long.slice(0, 62)}_2`,
    ]);
    const checked = await toolbox.check({ callId: 'c', name: 'set_2', arguments: {} });
    if (!('ready' in checked)) throw new Error('it was refused');
    expect(await toolbox.send(checked.ready, { signal, timeoutMs: 1000 })).to.deep.equal({
      by: 'second',
      server: 'http://second',
    });
    expect(first.calls).to.deep.equal([]);
  });

  it('refuses a number that cannot be sent exactly, and names it', async () => {
    const tool = fakeTool('get', 'read', () => ({}));
    const toolbox = createToolbox([{ tools: [tool], connection: {} }], { resultMaxBytes: 1000 });
    const text = '{"id":2512292042121000001,"mass":1e400}';
    expect(await toolbox.check({ callId: 'c', name: 'get', arguments: text })).to.deep.equal({
      answered: failed(
        'invalid_arguments',
        'The arguments hold numbers that cannot be sent exactly: 1e400. Nothing was sent. ' +
          'Give them as texts in double quotes where the tool takes texts.',
        'none',
      ),
    });
  });

  it('offers the same array to sessions with the same documents', async () => {
    const tools = [fakeTool('get', 'read', () => ({}))];
    const offers = await Promise.all(
      [1, 2].map(() => createToolbox([{ tools, connection: {} }], { resultMaxBytes: 1 }).offersFor([])),
    );
    expect(offers[0]).to.equal(offers[1]);
  });

  it('offers the tools that fit the sentence when there are too many, keeps those that were called, and finds the others', async () => {
    const rooms = ['kitchen', 'bathroom', 'garage', 'attic', 'cellar', 'office'];
    const tools = rooms.map((room) => fakeTool(`light_${room}`, 'read', () => ({ room })));
    const leftOut: (readonly string[])[] = [];
    const toolbox = createToolbox([{ tools, connection: {} }], {
      resultMaxBytes: 1000,
      chooser: (offers: readonly ToolOffer[]) => createToolSelector(offers, { maxCount: 5 }),
      onLeftOut: (_count, names) => leftOut.push(names),
    });
    const used: ModelMessage = {
      role: 'assistant',
      text: '',
      calls: [{ callId: 'c', name: 'light_attic', arguments: {} }],
    };
    const offered = await toolbox.offersFor([used, user('the garage please')]);
    expect(offered.map(({ name }) => name)).to.deep.equal([
      'light_garage',
      'light_attic',
      'search_tools',
      'describe_tool',
      'call_tool',
    ]);
    expect(leftOut).to.deep.equal([['light_kitchen', 'light_bathroom', 'light_cellar', 'light_office']]);
    const found = await toolbox.check({ callId: 'c', name: 'search_tools', arguments: { query: 'cellar' } });
    expect('answered' in found && JSON.stringify(found.answered)).to.contain('light_cellar');
    const call = { name: 'light_cellar', arguments: { to: 1 } };
    const checked = await toolbox.check({ callId: 'c', name: 'call_tool', arguments: call });
    expect('ready' in checked && [checked.ready.tool.name, checked.ready.arguments]).to.deep.equal([
      'light_cellar',
      { to: 1 },
    ]);
    const refused = await toolbox.check({
      callId: 'c',
      name: 'call_tool',
      arguments: { name: 'light_cellar', arguments: { to: 'x' } },
    });
    expect('answered' in refused && JSON.stringify(refused.answered)).to.contain('/to must be integer');
  });

  it('cuts a result that is too long, and says its full size', async () => {
    const results = [
      { statusCode: 200, body: 'ä'.repeat(600) },
      { value: 1, list: Array.from({ length: 500 }, (_, index) => index) },
    ];
    const tool = fakeTool('get', 'read', () => results.shift()!);
    const toolbox = createToolbox([{ tools: [tool], connection: {} }], { resultMaxBytes: 1000 });
    const send = () => toolbox.send({ tool, arguments: {}, connection: {} }, { signal, timeoutMs: 1000 });
    expect(await send()).to.deep.equal({
      statusCode: 200,
      body: `${'ä'.repeat(500)}\n[cut: 1000 of 1200 bytes shown]`,
    });
    const { value, list } = await send();
    expect(value).to.equal(1);
    expect(list).to.match(/^\[0,1,2,3.*\n\[cut: 500 of \d+ bytes shown\]$/s);
  });
});
