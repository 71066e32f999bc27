import { SpecError } from '../../errors.ts';
import type { KindDefinition } from '../kind.ts';
import { mcpKindOver } from './mcp.ts';
import { mcpNames } from './names.ts';

/** Servers of the Model Context Protocol. A server writes its document itself: the list of its tools. */
export const mcpKind: KindDefinition = {
  ...mcpNames,
  open: (drivers) => mcpKindOver(drivers.get('mcp')),
  async simulate() {
    throw new SpecError('An MCP server is not simulated: start the server itself.', [
      { pointer: '/mcp', detail: 'is of a kind that is not simulated' },
    ]);
  },
};
