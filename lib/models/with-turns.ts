import type { OriginTurns } from '../common/origin-turns.ts';
import type { Model } from '../core/model.ts';
import { openLimit } from './limit.ts';

/**
 * A model whose replies take turns with those for other parties from the same origin: no party keeps the others from it. A reply waits
 * for its turn as long as for the endpoint, at most.
 */
export function withTurns(
  model: Model,
  turns: OriginTurns,
  {
    origin,
    party,
    timeoutMs = 120_000,
  }: { origin: string; party: string | undefined; timeoutMs?: number | undefined },
): Model {
  return {
    async reply(request, options) {
      const limit = openLimit(options.signal, timeoutMs, timeoutMs);
      const waiting = new AbortController();
      limit.attach(waiting);
      const turn = { party, signal: waiting.signal };
      const endTurn = await turns.enter(origin, turn).finally(() => limit.close());
      try {
        return await model.reply(request, options);
      } finally {
        endTurn();
      }
    },
  };
}
