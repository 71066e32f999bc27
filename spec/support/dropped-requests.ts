import { randomUUID } from 'node:crypto';
import OpenAI from 'openai';
import type { CrashDevice } from './crash-device.ts';
import { sentenceOf } from './crash-model.ts';
import { randomDrops, startDroppingProxy } from './dropping-proxy.ts';
import type { Caller } from './threads.ts';
import { waitFor } from './wait-for.ts';

/** How many requests go through the proxy: so many for each talk. */
export interface DroppedRequests {
  talks: number;
  requestsEach: number;
  /** Of a hundred requests, so many do not reach the server, and so many answers do not reach the client. */
  percent: number;
}

/**
 * The official client asks for one write with each request, in threads side by side, and repeats a request by itself when its answer is
 * lost. Resolves when the device has every write.
 */
export async function sendThroughDrops(
  server: { url: string },
  { caller, device }: { caller: Caller; device: CrashDevice },
  openThread: () => Promise<string>,
  { talks: count, requestsEach, percent }: DroppedRequests,
): Promise<{
  drops: number;
  /** How often the device got the write of each request. */
  writes: number[];
  /** The ids of the messages of each thread, as they were answered and as they are listed. */
  threads: { answered: string[]; listed: string[] }[];
}> {
  const proxy = await startDroppingProxy(server.url, randomDrops(7, percent));
  // With 8 retries one request of five hundred may lose all its tries: 0.36 to the power of 9.
  const client = new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: caller.token, maxRetries: 20 });
  const talks = await Promise.all(
    Array.from({ length: count }, async () => ({
      thread: await openThread(),
      tasks: Array.from({ length: requestsEach }, () => randomUUID()),
      answered: [] as string[],
    })),
  );
  await Promise.all(
    talks.map(async ({ thread, tasks, answered }) => {
      for (const taskId of tasks) {
        const body = { role: 'user', content: sentenceOf(taskId, 1, 1) };
        const { id } = await client.post<{ id: string }>(`/threads/${thread}/messages?run=true`, { body });
        answered.push(id);
      }
    }),
  );
  const tasks = talks.flatMap((talk) => talk.tasks);
  await waitFor(() => tasks.every((taskId) => device.writes.has(`${taskId}.0.w0`)), 120_000);
  const threads = [];
  for (const { thread, answered } of talks) {
    const listed: string[] = [];
    const all = caller.openai.beta.threads.messages.list(thread, { limit: 100, order: 'asc' });
    for await (const { role, id } of all) if (role === 'user') listed.push(id);
    threads.push({ answered, listed });
  }
  await proxy.close();
  return { drops: proxy.drops, writes: tasks.map((id) => device.writes.get(`${id}.0.w0`)!.length), threads };
}
