// A fake: an OpenAI-compatible endpoint that keeps no state. What a conversation gets depends on its messages alone.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

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
      const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as { messages: WireMessage[] };
      faults.push(...faultsOf(messages));
      const body = JSON.stringify(replyTo(messages));
      void delay(latencyMs()).then(() => {
        if (!response.destroyed) response.writeHead(200, { 'content-type': 'application/json' }).end(body);
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

function replyTo(messages: readonly WireMessage[]): object {
  const from = messages.findLastIndex(({ role }) => role === 'user');
  const said = /task=(\S+) rounds=(\d+) writes=(\d+)/.exec(JSON.stringify(messages[from]?.content));
  const [, taskId = '', rounds = '0', writes = '0'] = said ?? [];
  const round = messages.slice(from).filter(({ role }) => role === 'assistant').length;
  const message =
    round < Number(rounds)
      ? { role: 'assistant', content: null, tool_calls: callsOf(taskId, round, Number(writes)) }
      : { role: 'assistant', content: `done ${taskId}` };
  return {
    id: `chatcmpl-${taskId}-${round}`,
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'crash',
    choices: [{ index: 0, message, finish_reason: round < Number(rounds) ? 'tool_calls' : 'stop' }],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  };
}

function callsOf(taskId: string, round: number, writes: number): object[] {
  const call = (name: string, id: string): object => ({
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
