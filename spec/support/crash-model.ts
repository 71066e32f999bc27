// A fake: an OpenAI-compatible endpoint that keeps no state. What a conversation gets depends on its messages alone.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '../../lib/common/json.ts';
import { completionForms, sendEvents, sendJson } from './model-server.ts';

export interface CrashModel {
  /** `http://127.0.0.1:<port>/v1`. */
  readonly baseUrl: string;
  readonly requests: number;
  /** Conversations that a provider would refuse: a call without its result. */
  readonly faults: string[];
  close(): Promise<void>;
}

interface WireMessage {
  role: string;
  content?: unknown;
  tool_calls?: { id: string }[];
  tool_call_id?: string;
}

/** What a user says so that the model asks for `rounds` rounds of `writes` writes and one read, each with an id of its own. */
export function sentenceOf(taskId: string, rounds: number, writes: number): string {
  return `task=${taskId} rounds=${rounds} writes=${writes}`;
}

export async function startCrashModel(latencyMs: () => number): Promise<CrashModel> {
  const faults: string[] = [];
  let requests = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined); // its node was killed
    request.on('end', () => {
      requests += 1;
      const { messages, stream } = JSON.parse(Buffer.concat(chunks).toString()) as {
        messages: WireMessage[];
        stream?: boolean;
      };
      faults.push(...faultsOf(messages));
      const { whole, chunks: pieces } = replyTo(messages);
      void delay(latencyMs()).then(() => {
        if (response.destroyed) return;
        if (stream === true) sendEvents(response, pieces);
        else sendJson(response, 200, whole);
      });
    });
  });
  server.keepAliveTimeout = 600_000; // a connection that ends by itself under a call would look like a crash
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get requests() {
      return requests;
    },
    faults,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function replyTo(messages: readonly WireMessage[]): { whole: JsonObject; chunks: JsonObject[] } {
  const from = messages.findLastIndex(({ role }) => role === 'user');
  const said = /task=(\S+) rounds=(\d+) writes=(\d+)/.exec(JSON.stringify(messages[from]?.content));
  const [, taskId = '', rounds = '0', writes = '0'] = said ?? [];
  const round = messages.slice(from).filter(({ role }) => role === 'assistant').length;
  const isOver = round >= Number(rounds);
  const message = isOver
    ? { role: 'assistant', content: `done ${taskId}` }
    : { role: 'assistant', content: null, tool_calls: callsOf(taskId, round, Number(writes)) };
  const reason = isOver ? 'stop' : 'tool_calls';
  const forms = completionForms(`chatcmpl-${taskId}-${round}`, 'crash');
  return { whole: forms.whole(message, reason), chunks: forms.chunks(message, reason) };
}

function callsOf(taskId: string, round: number, writes: number): JsonObject[] {
  const call = (name: string, id: string): JsonObject => ({
    id: `call-${id}`,
    type: 'function',
    function: { name, arguments: JSON.stringify({ id }) },
  });
  return [
    ...Array.from({ length: writes }, (_, index) => call('write', `${taskId}.${round}.w${index}`)),
    call('read', `${taskId}.${round}.r`),
  ];
}

function faultsOf(messages: readonly WireMessage[]): string[] {
  const faults: string[] = [];
  messages.forEach((message, at) => {
    const wanted = message.tool_calls?.map(({ id }) => id) ?? [];
    const given = messages.slice(at + 1, at + 1 + wanted.length).map((next) => next.tool_call_id);
    if (wanted.some((id) => !given.includes(id)))
      faults.push(`the model was shown calls ${wanted.join(', ')} with results of ${given.join(', ')}`);
  });
  return faults;
}
