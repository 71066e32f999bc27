// The floor: an MCP server on the official SDK alone. Its one tool makes the same HTTP call to the device, and keeps nothing.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { Pool } from 'undici';

const device = new Pool(process.env.DEVICE);
const transports = new Map();

async function open() {
  const server = new McpServer({ name: 'floor', version: '1' });
  server.registerTool('get_status', { description: 'Gets the status.', inputSchema: {} }, async () => {
    const { statusCode, body } = await device.request({ method: 'GET', path: '/status' });
    const text = JSON.stringify({ statusCode, body: await body.text() });
    return { content: [{ type: 'text', text }] };
  });
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => transports.set(id, transport),
  });
  await server.connect(transport);
  return transport;
}

async function answer(request, response) {
  const transport = transports.get(request.headers['mcp-session-id']) ?? (await open());
  await transport.handleRequest(request, response);
}

http
  .createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
