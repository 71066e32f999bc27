import { versionInUse } from '../../agents/apps.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { success } from './answer.ts';
import { successShape, summaryShape } from './shapes.ts';

/** The summary goes in front of every request to the model, so that its length is limited. */
const written = {
  type: 'object',
  examples: [{ summary: 'The user gets up at six. The bedroom lamp is a warm white.' }],
  required: ['summary'],
  properties: {
    summary: {
      type: 'string',
      maxLength: 10_000,
      pattern: '^[^\\u0000]*$',
      description: 'a text of at most 10000 characters',
    },
  },
} as const;

/** The long-term memory of apps' conversations (contract 3). */
export function createMemoryRoutes({ agents: { apps, memory } }: Pick<Parts, 'agents'>): Route[] {
  /** Throws `conflict` for an app without long-term memory. */
  async function checkRemembers(id: string, caller: Principal): Promise<void> {
    if (!versionInUse(await apps.find(id, caller)).remembers)
      throw new AppError('conflict', 'The app keeps no long-term memory: its memory_mode is "none".');
  }

  return [
    // The model writes the summary after each round; it is empty before the first one.
    route({
      method: 'GET',
      path: '/apps/:app_id/long-term-memory',
      summary: "The running summary of an app's conversation.",
      access: 'look at an app',
      app: 'app_id',
      answer: successShape(summaryShape),
      async handle({ params, caller }) {
        await checkRemembers(params.app_id, caller);
        return success({ summary: await memory.read(params.app_id) });
      },
    }),
    // A person may correct the summary. The next round goes on from the corrected text.
    route({
      method: 'POST',
      path: '/apps/:app_id/long-term-memory',
      summary: "Replaces an app's running summary.",
      access: 'make an app',
      app: 'app_id',
      body: written,
      answer: successShape(),
      async handle({ params, body, caller }) {
        await checkRemembers(params.app_id, caller);
        // The text counts for everything that was said so far.
        await memory.write(params.app_id, body.summary);
        return success({}, '更新AI应用长记忆成功');
      },
    }),
  ];
}
