// A fake: an OpenAI-compatible endpoint on loopback that answers what a spec scripts, for runs through the real client.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';

/** One answer: a text, tool calls (beside a text or not), an error, or whatever a function writes. */
export type ModelServerStep =
  | { text: string; finish?: 'length' }
  | { calls: { name: string; arguments: JsonValue; id?: string }[]; text?: string }
  | { status: number; body?: JsonValue; headers?: Record<string, string> }
  | { answer: (response: ServerResponse, request: ModelServerRequest) => void | Promise<void> };

/** A request as it came. */
interface ModelServerRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: JsonObject;
  /** The body before it was read: numbers have all their digits. */
  text: string;
}

export interface ModelServer {
  /** The base URL to configure: `http://127.0.0.1:<port>/v1`. */
  baseUrl: string;
  /** What it says when it is asked for its models; 404 while it is empty. */
  models: string[];
  /** Every request so far, oldest first. */
  requests: ModelServerRequest[];
  /** Throws when it was asked too often, or when steps are left over. */
  expectDone(): void;
  close(): Promise<void>;
}

const USAGE = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };

/** Starts the server; each request takes the next step. Ids are `chatcmpl-1`… and `call_1`…, usage is always 100 + 20 tokens. */
export async function startModelServer(steps: readonly ModelServerStep[]): Promise<ModelServer> {
  const requests: ModelServerRequest[] = [];
  const models: string[] = [];
  let callCount = 0;
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    if (incoming.method === 'GET')
      return models.length === 0
        ? sendJson(response, 404, {})
        : sendJson(response, 200, { object: 'list', data: models.map((id) => ({ id })) });
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body = JSON.parse(text) as JsonObject;
    const request = { path: incoming.url ?? '', headers: incoming.headers, body, text };
    const step = steps[requests.push(request) - 1];
    if (step === undefined) return sendJson(response, 400, { error: { message: 'the script is over' } });
    if ('answer' in step) return step.answer(response, request);
    if ('status' in step) return sendJson(response, step.status, step.body ?? {}, step.headers);
    const calls = 'calls' in step ? step.calls : [];
    const reply = completionForms(`chatcmpl-${requests.length}`, body['model'] ?? null);
    const message = {
      role: 'assistant',
      content: step.text ?? null,
      ...(calls.length === 0
        ? {}
        : { tool_calls: calls.map((call) => wireCall(call, `call_${++callCount}`)) }),
    };
    const end = 'finish' in step ? step.finish : 'stop';
    const reason = calls.length === 0 ? (end ?? 'stop') : 'tool_calls';
    if (body['stream'] === true) return sendEvents(response, reply.chunks(message, reason));
    return sendJson(response, 200, reply.whole(message, reason));
  };

  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    models,
    requests,
    expectDone() {
      if (requests.length !== steps.length)
        throw new Error(`the model was asked ${requests.length} times, the script has ${steps.length} steps`);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Sends JSON with a status. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: JsonValue,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Sends server-sent events, `[DONE]` last. */
export function sendEvents(response: ServerResponse, events: readonly JsonValue[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`);
  response.end('data: [DONE]\n\n');
}

function wireCall(call: { name: string; arguments: JsonValue; id?: string }, id: string): JsonObject {
  const args = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
  return { id: call.id ?? id, type: 'function', function: { name: call.name, arguments: args } };
}

/** The two forms of an endpoint's answer: whole, and in chunks. */
export function completionForms(id: string, model: JsonValue) {
  const meta = { id, model, created: 1_700_000_000 };
  return {
    whole: (message: JsonObject, reason: string): JsonObject => ({
      ...meta,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: reason }],
      usage: USAGE,
    }),
    /** A text comes word by word; a call's arguments in two pieces. */
    chunks: (message: JsonObject, reason: string): JsonObject[] => {
      const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
        ...meta,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta, finish_reason: finish }],
      });
      const words = typeof message['content'] === 'string' ? message['content'].split(/(?<= )/) : [];
      const calls = (message['tool_calls'] ?? []) as unknown as {
        id: string;
        type: string;
        function: { name: string; arguments: string };
      }[];
      return [
        chunk({ role: 'assistant', content: '' }),
        ...words.map((content) => chunk({ content })),
        ...calls.flatMap(({ id, type, function: { name, arguments: args } }, index) => {
          const half = Math.ceil(args.length / 2);
          return [
            chunk({ tool_calls: [{ index, id, type, function: { name, arguments: args.slice(0, half) } }] }),
            chunk({ tool_calls: [{ index, function: { arguments: args.slice(half) } }] }),
          ];
        }),
        chunk({}, reason),
        { ...meta, object: 'chat.completion.chunk', choices: [], usage: USAGE },
      ];
    },
  };
}
