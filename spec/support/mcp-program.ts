/**
 * A small MCP server as a command, with these tools: `read` (says its arguments and the variable SECRET_TOKEN, and its arguments in the log), `hang` (never answers),
 * `crash` (ends at once), `change` (gets another tool and tells so), `pid`.
 */
export function mcpProgram(...args: string[]): string[] {
  const named = 'const __name = (work) => work;'; // which the compiler of the specs uses
  return [process.execPath, '-e', `${named}(${program.toString()})()`, '--', ...args];
}

/** Runs in a process of its own, so that it uses nothing of this file. */
function program(): void {
  // oxlint-disable typescript/no-require-imports
  const lines = (require('node:readline') as typeof import('node:readline')).createInterface({
    input: process.stdin,
  });
  const schema = { type: 'object', properties: { text: { type: 'string' } } };
  const names = ['read', 'hang', 'crash', 'change', 'pid'];
  const say = (message: object): void =>
    void process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const textOf = (name: string, args: object): string | undefined => {
    if (name === 'crash') {
      process.stderr.write('out of oil');
      process.exit(3);
    }
    if (name === 'hang') return undefined;
    if (name === 'pid') return String(process.pid);
    if (name === 'read') say({ method: 'notifications/message', params: { level: 'info', data: args } });
    if (name === 'change') {
      names.push('late');
      say({ method: 'notifications/tools/list_changed' });
    }
    return `${JSON.stringify(args)} ${process.env['SECRET_TOKEN'] ?? 'no token'} ${process.env['AUTH_TOKEN'] ?? ''}`;
  };
  process.stdout.write('words that are no message\n');
  lines.on('line', (line) => {
    const { id, method, params } = JSON.parse(line) as {
      id?: number;
      method: string;
      params: { name: string; arguments: object };
    };
    if (id === undefined) return;
    if (method === 'initialize')
      say({
        id,
        result: {
          protocolVersion: '2025-06-18',
          capabilities: { tools: { listChanged: true } },
          serverInfo: { name: 'program', version: '1' },
        },
      });
    else if (method === 'tools/list')
      say({
        id,
        result: {
          tools: names.map((name) => ({
            name,
            inputSchema: schema,
            annotations: { readOnlyHint: name === 'read' || name === 'pid' },
          })),
        },
      });
    else {
      const text = textOf(params.name, params.arguments);
      if (text !== undefined) say({ id, result: { content: [{ type: 'text', text }] } });
    }
  });
}
