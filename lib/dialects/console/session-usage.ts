import type { Usage } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';

/** Lines that are read at once. */
const PAGE = 500;

/** The tokens of the replies of one model. */
export interface ModelUsage extends Usage {
  model: string;
  replies: number;
}

/** The tokens of all replies in the log of a session, and by model, the most expensive first. It reads the log in pages. */
export async function sessionUsage(
  session: Pick<Session, 'read'>,
): Promise<Usage & { models: ModelUsage[] }> {
  const byModel = new Map<string, ModelUsage>();
  for (let after = 0; ;) {
    const lines = await session.read({ after }, PAGE);
    for (const line of lines) {
      if (line.type !== 'model_reply') continue;
      const { model, usage } = line.completion;
      const known = byModel.get(model) ?? { model, replies: 0, ...none };
      byModel.set(model, { ...known, replies: known.replies + 1, ...added(known, usage) });
    }
    after = lines.at(-1)?.seq ?? after;
    if (lines.length < PAGE) break;
  }
  const models = [...byModel.values()].toSorted((one, other) => other.totalTokens - one.totalTokens);
  return { ...models.reduce<Usage>(added, none), models };
}

const none: Usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };

function added(one: Usage, other: Usage): Usage {
  return {
    promptTokens: one.promptTokens + other.promptTokens,
    completionTokens: one.completionTokens + other.completionTokens,
    totalTokens: one.totalTokens + other.totalTokens,
  };
}
