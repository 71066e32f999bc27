import { expect } from 'chai';
import { ToolList } from '../../../lib/dialects/mcp/tool-list.ts';
import type { DescribedTool } from '../../../lib/openspec/describe-spec.ts';

const limit = { maxCount: 100, maxBytes: 100_000 };
const tool = (name: string, more: Partial<DescribedTool> = {}): DescribedTool => ({
  name,
  description: name,
  parameters: { type: 'object', properties: {} },
  operation: `POST /${name}`,
  effect: 'write',
  ...more,
});

describe('the tools that an MCP host sees', () => {
  it('have a name of their own of at most 64 characters, and lead to their device', async () => {
    const long = 'x'.repeat(64);
    const list = new ToolList(
      [
        { name: 'one', title: 'One', tools: [tool(long), tool('a'), tool('two_b')] },
        { name: 'two', title: 'Two', tools: [tool(long), tool('b')] },
        { name: 'three', title: 'Three', tools: [tool('b')] },
      ],
      limit,
    );
    const names = (await list.shown()).map(({ name }) => name);
    const led = await Promise.all(names.map((name) => list.direct(name, {})));
    expect(names.map((name, index) => [name, led[index]])).to.deep.equal(
      [
        [`one_${'x'.repeat(60)}`, 'one', long],
        ['a', 'one', 'a'],
        ['two_b', 'one', 'two_b'],
        [`two_${'x'.repeat(60)}`, 'two', long],
        ['two_b_2', 'two', 'b'],
        ['three_b', 'three', 'b'],
      ].map(([name, device, meant]) => [
        name,
        { device, tool: meant, effect: 'write', arguments: {}, isStructured: false },
      ]),
    );
  });

  it('count as destructive unless they read, or their risk is low', async () => {
    const tools = [
      tool('read', { effect: 'read', operation: 'GET /a' }),
      tool('low', { risk: 'low' }),
      tool('normal'),
      tool('high', { risk: 'high', operation: 'PUT /a' }),
    ];
    const shown = await new ToolList([{ name: 'd', title: 'D', tools }], limit).shown();
    expect(shown.map(({ name, annotations }) => [name, annotations])).to.deep.equal([
      ['read', { readOnlyHint: true, destructiveHint: false, idempotentHint: true }],
      ['low', { readOnlyHint: false, destructiveHint: false, idempotentHint: false }],
      ['normal', { readOnlyHint: false, destructiveHint: true, idempotentHint: false }],
      ['high', { readOnlyHint: false, destructiveHint: true, idempotentHint: true }],
    ]);
  });

  it('say the shape of their answers, and take any other answer', async () => {
    const answer = { $ref: '#/$defs/Lamp', $defs: { Lamp: { type: 'object' } } };
    const list = new ToolList([{ name: 'd', title: 'D', tools: [tool('a', { answer })] }], limit);
    const [{ outputSchema } = {}] = await list.shown();
    expect(outputSchema).to.deep.equal({
      type: 'object',
      properties: {
        answer: { anyOf: [{ $ref: '#/$defs/Lamp' }, { description: 'any other answer of the device' }] },
      },
      required: ['answer'],
      $defs: { Lamp: { type: 'object' } },
    });
    expect(await list.direct('a', {})).to.deep.include({ isStructured: true });
  });

  it('are searched among 1,223', async () => {
    const tools = Array.from({ length: 1223 }, (_, n) => tool(`set_register_${n}`));
    const list = new ToolList([{ name: 'd', title: 'D', tools }], limit);
    const shown = await list.shown();
    const called = { name: 'set_register_1000', arguments: { to: 1 } };
    expect([shown.map(({ name }) => name), await list.direct('call_tool', called)]).to.deep.equal([
      ['search_tools', 'describe_tool', 'call_tool'],
      { device: 'd', tool: 'set_register_1000', effect: 'write', arguments: { to: 1 }, isStructured: false },
    ]);
  });

  it('names the tool that is near to one that is not there', async () => {
    const few = new ToolList([{ name: 'd', title: 'D', tools: [tool('set_light')] }], limit);
    const message = 'There is no tool named "set_ligth". Did you mean "set_light"?';
    expect(await few.direct('set_ligth', {})).to.deep.equal({
      answered: { error: { code: 'unknown_tool', message, effect: 'none' } },
    });
  });
});
