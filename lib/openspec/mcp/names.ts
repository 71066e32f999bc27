import type { KindNames } from '../kind.ts';

/** How the documents of MCP servers are called and recognized. */
export const mcpNames: KindNames = {
  name: 'mcp',
  protocols: ['mcp'],
  rootKeys: ['mcp'],
  detect: (document) => document['mcp'] !== undefined,
};
