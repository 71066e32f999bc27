import { expect } from 'chai';
import { ToolLists } from '../../../lib/dialects/mcp/tool-lists.ts';
import { AppError } from '../../../lib/errors.ts';

describe('the lists of tools for MCP hosts', () => {
  it('leave out a device whose document cannot be opened, and try it again at the next request', async () => {
    const warnings: string[] = [];
    const note = (_fields: object, text: string): void => void warnings.push(text);
    let works = false;
    const tool = { name: 'read', description: '', parameters: {}, operation: 'GET /', effect: 'read' };
    const devices = {
      find: async () => ({}),
      async describe() {
        if (!works) throw new AppError('unavailable', 'not now');
        return { tools: [tool] };
      },
    };
    const parts = {
      devices,
      config: { limits: { offeredToolsMaxCount: 10, offeredToolsMaxBytes: 10_000 } },
      log: { debug: note, info: note, warn: note, error: note },
    };
    const lists = new ToolLists(parts as unknown as ConstructorParameters<typeof ToolLists>[0]);
    const listed = [{ name: 'lamp', version: 1, facts: { title: 'Lamp' } }] as unknown as Parameters<
      ToolLists['listOf']
    >[0];
    const caller = { id: 'ann', kind: 'user' } as const;
    const namesNow = async () => (await (await lists.listOf(listed, caller)).shown()).map(({ name }) => name);
    const before = await namesNow();
    works = true;
    expect([before, await namesNow(), warnings]).to.deep.equal([
      [],
      ['read'],
      ['MCP hosts do not see the tools of a device'],
    ]);
  });
});
