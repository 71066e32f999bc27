import { anonymous } from '../../accounts/access.ts';
import type { JsonObject } from '../../common/json.ts';
import { AppError } from '../../errors.ts';
import { route, type Call, type FormattedError, type Route } from '../../server/mount.ts';
import { statusOf } from '../../server/status.ts';
import type { Dialect } from '../dialect.ts';
import { HostConnections } from './host-connections.ts';
import type { HostConnection } from './host-connection.ts';
import { invalidMessage } from './plain-errors.ts';
import { readHostBody } from './read-host-body.ts';

/** The only path of the protocol: POST says something, GET listens, DELETE leaves [MCP 2025-11-25, Transports]. */
const PATH = '/mcp';
/** The well-known address of the metadata of a protected resource [RFC 9728 3]. */
const METADATA = '/.well-known/oauth-protected-resource';
/** The codes of errors that belong to no request [JSON-RPC 2.0 5.1; MCP SDK: -32000 and -32001]. */
const INVALID_REQUEST = -32_600;
const SERVER_ERROR = -32_000;

/** The query of each call: hosts send the whole address that they were given with every request. Only `initialize` reads it. */
const query = {
  type: 'object',
  properties: { devices: { type: 'string', description: 'the names of the only devices, with commas' } },
} as const;

const message = { type: 'object', description: 'a JSON-RPC 2.0 message', additionalProperties: {} } as const;

/** The message with which a host begins: the example in the served description. */
const firstMessage = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'my-host', version: '1' },
  },
} as const;

/**
 * The Model Context Protocol over Streamable HTTP [MCP 2025-11-25]: any host calls the devices that its user may use, under the same
 * rules, limits and audit as models.
 */
export const mcp: Dialect<'devices' | 'direct' | 'approvals' | 'config' | 'log' | 'version'> = {
  name: 'mcp',
  mount(parts) {
    const connections = new HostConnections(parts);
    return {
      name: 'mcp',
      prefixes: [PATH, METADATA],
      routes: [say(connections), listen(connections), leave(connections), describe(''), describe(PATH)],
      sockets: [],
      anonymous: parts.config.auth === 'none' ? anonymous : undefined,
      formatError,
      close: () => connections.close(),
    };
  },
};

function say(connections: HostConnections): Route {
  return route({
    method: 'POST',
    path: PATH,
    summary:
      'A message of an MCP host (Streamable HTTP). The first one is initialize; devices narrows its tools.',
    access: 'use a device',
    exactFields: ['arguments'],
    query,
    body: {
      anyOf: [message, { type: 'array', items: message, minItems: 1 }],
      description: 'a JSON-RPC 2.0 message, or a list of them',
      examples: [firstMessage],
    },
    async handle(call) {
      const { query: asked, request } = call;
      const body = readHostBody(
        call.body as JsonObject | JsonObject[],
        request.headers['mcp-protocol-version'],
      );
      // A connection begins with an `initialize` alone: a batch may have none [MCP 2025-03-26, Lifecycle].
      const isFirst =
        request.headers['mcp-session-id'] === undefined &&
        !Array.isArray(body) &&
        body['method'] === 'initialize';
      if (!isFirst) return connectionOf(connections, call).answer({ ...call, body });
      // Before the connection takes one of the caller's places.
      await checkFirst(body);
      const connection = await connections.open(call, namesIn(asked.devices));
      try {
        await connection.answer({ ...call, body });
      } finally {
        if (!connection.isReady) await connection.close(); // it accepts no stream, say
      }
    },
  });
}

/** Throws `invalid_request` with every fault of an `initialize`. */
async function checkFirst(body: JsonObject): Promise<void> {
  const { InitializeRequestSchema } = await import('@modelcontextprotocol/sdk/types.js');
  const { error } = InitializeRequestSchema.safeParse(body);
  if (error) throw invalidMessage(error.issues);
}

/** The notices that belong to no request, such as a list that has changed. */
function listen(connections: HostConnections): Route {
  return route({
    method: 'GET',
    path: PATH,
    summary: 'The stream of messages for an MCP host; Last-Event-ID resumes a stream that broke off.',
    access: 'use a device',
    query,
    handle: (call) => connectionOf(connections, call).answer(call),
  });
}

/** A host that only goes away is forgotten after some time (host-connections.ts). */
function leave(connections: HostConnections): Route {
  return route({
    method: 'DELETE',
    path: PATH,
    summary: 'Ends the connection of an MCP host, and stops its calls that wait.',
    access: 'use a device',
    query,
    handle: (call) => connectionOf(connections, call).answer(call),
  });
}

/**
 * The metadata of the protected resource [RFC 9728 3]. Tokens come from the server's own sign-in, keys or AUTH_TOKEN. Hosts look for it
 * with the path of the resource behind the well-known one [RFC 9728 3.1], or without it: both are there.
 */
function describe(path: '' | typeof PATH): Route {
  return route({
    method: 'GET',
    path: METADATA + path,
    summary: 'Where and how an MCP host shows its token (RFC 9728).',
    access: 'open',
    answer: { type: 'object', required: ['resource'], properties: { resource: { type: 'string' } } },
    handle: ({ origin }) => ({
      resource: origin + PATH,
      resource_name: 'LiteAgent Server',
      bearer_methods_supported: ['header'],
      resource_documentation: `${origin}/docs`,
    }),
  });
}

/**
 * The connection that a request names. Throws `invalid_request` without the header, and `not_found` for an unknown id: with a 404 a host
 * initializes anew [MCP 2025-11-25, Session Management].
 */
function connectionOf(connections: HostConnections, { request, caller }: Call): HostConnection {
  const id = request.headers['mcp-session-id'];
  if (typeof id === 'string') return connections.find(id, caller);
  throw new AppError('invalid_request', 'The header Mcp-Session-Id is missing: send initialize first.');
}

/** The names in `?devices=a,b`; undefined: all devices of the caller. */
function namesIn(devices: string | undefined): string[] | undefined {
  return devices?.split(',').map((name) => name.trim());
}

/**
 * An error that came before the SDK had the message: a JSON-RPC error without an id. A 401 says where the metadata is [RFC 9728 5.1].
 * The errors of a request itself have its id, and are made by the connection.
 */
function formatError(error: AppError, origin: string): FormattedError {
  const code = error.code === 'invalid_request' ? INVALID_REQUEST : SERVER_ERROR;
  const data = error.faults.length > 0 ? { data: { faults: error.faults } } : {};
  const body = { jsonrpc: '2.0', id: null, error: { code, message: error.message, ...data } };
  const where = `Bearer resource_metadata="${origin}${METADATA}${PATH}"`;
  return {
    contentType: 'application/json',
    body: JSON.stringify(body),
    ...(statusOf(error.code) === 401 && { headers: { 'WWW-Authenticate': where } }),
  };
}
