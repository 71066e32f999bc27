import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { failed, type Tool } from '../../../lib/core/tool.ts';
import type { McpCall, McpDriver } from '../../../lib/drivers/mcp/mcp.ts';
import type { McpPlace } from '../../../lib/drivers/mcp/place.ts';
import { mcpKindOver } from '../../../lib/openspec/mcp/mcp.ts';
import { describeOpenspecKind } from '../../contracts/openspec-kind.ts';
import { refusalOf } from '../../support/refusal.ts';

const documentOf = (...tools: JsonObject[]): JsonObject => ({
  mcp: '2025-11-25',
  info: { name: 'p' },
  tools,
});
const nobody: McpDriver = {
  describe: () => Promise.reject(new Error('not asked')),
  call: async () => failed('cancelled', 'Stopped', 'none'),
  close: async () => undefined,
};

describeOpenspecKind('mcp', {
  open: () => mcpKindOver(nobody),
  documents: {
    'a list of odd tools': documentOf(
      { name: 'plain' },
      { name: 'plain', description: 'again' },
      { name: 'Größe ändern!', description: 'x'.repeat(5000), inputSchema: { type: 'object' } },
      { name: '日本', title: 'Japan', inputSchema: { type: 'object', properties: { 日: {}, '@id': {} } } },
      { name: 'x'.repeat(200) },
      { name: 'x'.repeat(2000) },
      { name: '' },
      { name: 7 },
      { name: 'bad schema', inputSchema: [] },
      {
        name: 'tree',
        inputSchema: {
          type: 'object',
          properties: { tree: { $ref: '#/$defs/Tree' }, lost: { type: 'array', items: { $ref: '#/no' } } },
          $defs: { Tree: { type: 'object', properties: { 'left one': { $ref: '#/$defs/Tree' } } } },
          required: ['tree', 5, 'nothing'],
        },
      },
      {
        name: 'choice',
        inputSchema: {
          type: 'object',
          oneOf: [{ properties: { a: { type: 'string' } } }, { properties: { b: { const: 1 } } }],
          allOf: [{ properties: { c: { type: 'integer' } }, required: ['c'] }],
        },
      },
      { name: 'a task', execution: { taskSupport: 'required' } },
    ),
  },
  empty: documentOf(),
  unusable: {
    'a document whose tools are no list': { mcp: '2025-11-25', tools: {} },
    'a document without a version': { mcp: 5, tools: [] },
  },
  foreign: { OpenAPI: { openapi: '3.1.0' }, nothing: {} },
});

describe('openspec/mcp', () => {
  let calls: [McpPlace, McpCall][];
  const driver: McpDriver = {
    ...nobody,
    async call(place, call) {
      calls.push([place, call]);
      return { body: 'done' };
    },
  };
  beforeEach(() => {
    calls = [];
  });
  const compile = (...tools: JsonObject[]) => mcpKindOver(driver).compile(documentOf(...tools), {});
  const toolOf = async (tool: JsonObject): Promise<Tool> => (await compile(tool)).tools[0]!;
  const context = { signal: new AbortController().signal, timeoutMs: 1000 };

  it('takes a tool as a read only where its server says so, and a destructive one as dangerous', async () => {
    const { tools } = await compile(
      { name: 'a' },
      { name: 'b', annotations: { readOnlyHint: true, destructiveHint: true } },
      { name: 'c', annotations: { readOnlyHint: 'true', destructiveHint: true } },
      { name: 'd', annotations: { readOnlyHint: false, destructiveHint: false } },
    );
    expect(tools.map(({ effect, risk }) => [effect, risk])).to.deep.equal([
      ['write', undefined],
      ['read', undefined],
      ['write', 'high'],
      ['write', undefined],
    ]);
  });

  it('says why a tool is left out', async () => {
    const { tools, skipped, operations } = await compile(
      { name: 'a' },
      { name: 'a' },
      { name: 'n'.repeat(300) },
      { name: 'big', inputSchema: { description: 'x'.repeat(300_000) } },
      { name: 'task', execution: { taskSupport: 'required' } },
      {},
    );
    expect([tools.length, operations]).to.deep.equal([1, 6]);
    expect(skipped).to.deep.equal([
      { operation: 'a', reason: 'an earlier tool has the same name' },
      { operation: `${'n'.repeat(255)}…`, reason: 'its name has 300 characters, and 256 are taken' },
      { operation: 'big', reason: 'its inputSchema has 300018 characters, and 262144 are read' },
      {
        operation: 'task',
        reason: 'it runs as a task of the server only, which this client does not speak',
      },
      { operation: 'tools/5', reason: 'it has no name' },
    ]);
  });

  it('calls a tool with the names of its server, the defaults, and whole numbers as they are', async () => {
    const tool = await toolOf({
      name: 'größe.setzen',
      inputSchema: {
        type: 'object',
        properties: {
          'größe in cm': { type: 'integer', format: 'int64' },
          '@unit': { type: 'string', default: 'cm' },
          inner: { type: 'object', properties: { '@type': { type: 'string' } } },
        },
        required: ['größe in cm', '@unit'],
      },
    });
    expect([tool.name, tool.operation, Object.keys(tool.parameters['properties'] as object)]).to.deep.equal([
      'gr_e_setzen',
      'größe.setzen',
      ['gr_e_in_cm', 'unit', 'inner'],
    ]);
    const innerKey = Object.keys(
      ((tool.parameters['properties'] as JsonObject)['inner'] as JsonObject)['properties'] as object,
    )[0]!;
    const connection = { server: 'http://127.0.0.1:1/mcp', apiKey: { type: 'bearer', apiKey: 'k' } } as const;
    const args = { gr_e_in_cm: '9007199254740993', inner: { [innerKey]: 't' } };
    expect(await tool.call(args, { ...context, connection })).to.deep.equal({ body: 'done' });
    expect(calls).to.deep.equal([
      [
        { url: 'http://127.0.0.1:1/mcp', headers: { authorization: 'Bearer k' } },
        {
          tool: 'größe.setzen',
          arguments: { 'größe in cm': 9_007_199_254_740_993n, '@unit': 'cm', inner: { '@type': 't' } },
          effect: 'write',
        },
      ],
    ]);
    expect(tool.preview!({ gr_e_in_cm: 5 }, connection)).to.deep.equal({
      method: 'POST',
      url: 'http://127.0.0.1:1/mcp',
      headers: { authorization: 'Bearer k' },
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'größe.setzen', arguments: { 'größe in cm': 5, '@unit': 'cm' } },
      },
    });
  });

  it('takes any arguments for a tool that says nothing about them', async () => {
    const { parameters } = await toolOf({ name: 'a', inputSchema: { additionalProperties: true } });
    expect(parameters).to.deep.equal({ type: 'object', properties: {}, additionalProperties: true });
  });

  it('calls nobody at an address that cannot be used, and says why', async () => {
    const tool = await toolOf({ name: 'a' });
    const addresses = [undefined, 'ftp://x/', 'http://user:pass@x/', 'http://[', '127.0.0.1:7/mcp'];
    const found = [];
    for (const server of addresses) {
      const connection = server === undefined ? {} : { server };
      const { error } = await tool.call({}, { ...context, connection });
      found.push([tool.device!(connection), (error as JsonObject | undefined)?.['message']]);
    }
    expect(found).to.deep.equal([
      [undefined, 'The server has no address: give its URL as "server"'],
      [undefined, 'ftp: is refused: only http and https are called'],
      [undefined, 'A server URL with a user name or password is refused: give the key as "apiKey"'],
      [undefined, 'The server "http://[" is no URL'],
      ['http://127.0.0.1:7', undefined],
    ]);
    expect(calls.map(([place]) => place)).to.deep.equal([{ url: 'http://127.0.0.1:7/mcp', headers: {} }]);
  });

  it('cannot be simulated, and says so', async () => {
    const { mcpKind } = await import('../../../lib/openspec/mcp/kind.ts');
    const { message } = await refusalOf(mcpKind.simulate(documentOf(), {}));
    expect(message).to.equal('An MCP server is not simulated: start the server itself.');
  });
});
