import type { ServerResponse } from 'node:http';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import { openHttpDevice, type HttpDevice, type SeenRequest } from './http-device.ts';

/** How a message that a client sent is answered. `send` answers with a result. */
export type McpAnswerer = (call: {
  message: JsonObject;
  response: ServerResponse;
  request: SeenRequest;
  send(result: JsonValue): void;
}) => void;

/** An MCP server of a spec, written by hand, so that it can also behave badly. */
export interface McpPeer {
  url: string;
  device: HttpDevice;
  /** The messages that came, in their order. */
  messages: JsonObject[];
  /** The methods of these messages. */
  methods(): string[];
  /** The tools that it lists. */
  tools: JsonObject[];
  capabilities: JsonObject;
  /** The session that `initialize` begins; none when undefined. */
  session: string | undefined;
  /** Answers in the place of the peer, by method. */
  answers: Record<string, McpAnswerer>;
  /** The streams that clients hold open. */
  streams: ServerResponse[];
  /** Sends a message over each open stream. */
  announce(message: JsonObject): void;
  close(): Promise<void>;
}

/** A tool that takes anything. */
export const echoTool: JsonObject = {
  name: 'echo',
  description: 'Says it again.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  annotations: { readOnlyHint: true },
};

/** A tool that changes something. */
export const openDoorTool: JsonObject = {
  name: 'open_door',
  description: 'Opens the door.',
  inputSchema: { type: 'object', properties: {} },
};

const ownAnswers: Record<string, McpAnswerer> = {
  'tools/call': ({ message, send }) => {
    const { name, arguments: args } = message['params'] as { name: string; arguments: JsonObject };
    send({ content: [{ type: 'text', text: `${name} ${JSON.stringify(args)}` }] });
  },
};

/** Opens the server on loopback. */
export async function openMcpPeer(): Promise<McpPeer> {
  const device = await openHttpDevice();
  const peer: McpPeer = {
    url: `${device.url}/mcp`,
    device,
    messages: [],
    methods: () => peer.messages.map(({ method }) => method as string),
    tools: [echoTool, openDoorTool],
    capabilities: { tools: { listChanged: true } },
    session: undefined,
    answers: {},
    streams: [],
    announce: (message) => {
      for (const stream of peer.streams) stream.write(event({ jsonrpc: '2.0', ...message }));
    },
    close: () => device.close(),
  };
  device.answer = (response, request) => answer(peer, response, request);
  return peer;
}

/** A message as an event of a stream. */
export function event(message: JsonValue): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, value: JsonValue, headers: JsonObject = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...(headers as Record<string, string>) });
  response.end(JSON.stringify(value));
}

function answer(peer: McpPeer, response: ServerResponse, request: SeenRequest): void {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    peer.streams.push(response);
    response.on('close', () => peer.streams.splice(peer.streams.indexOf(response), 1));
    return;
  }
  if (request.method !== 'POST') return void response.writeHead(200).end();
  const message = JSON.parse(request.body.toString()) as JsonObject;
  peer.messages.push(message);
  const { id } = message;
  const method = message['method'] as string | undefined;
  if (id === undefined || method === undefined) return void response.writeHead(202).end();
  if (peer.session !== undefined && method !== 'initialize')
    if (request.headers['mcp-session-id'] !== peer.session) return void response.writeHead(404).end();
  const send = (result: JsonValue, headers: JsonObject = {}): void =>
    sendJson(response, { jsonrpc: '2.0', id, result }, headers);
  const own = peer.answers[method] ?? ownAnswers[method];
  if (own) own({ message, response, request, send });
  else if (method === 'initialize')
    send(
      {
        protocolVersion: '2025-11-25',
        capabilities: peer.capabilities,
        serverInfo: { name: 'peer', title: 'The Peer', version: '1' },
      },
      peer.session === undefined ? {} : { 'mcp-session-id': peer.session },
    );
  else if (method === 'tools/list') send({ tools: peer.tools });
  else sendJson(response, { jsonrpc: '2.0', id, error: { code: -32_601, message: 'no such method' } });
}
