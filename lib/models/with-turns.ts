import type { OriginTurns } from '../common/origin-turns.ts';
import type { Model } from '../core/model.ts';
import { openLimit, type Limit } from './limit.ts';

/** Where a request goes, and the user for whom it goes. */
export interface TurnWanted {
  origin: string;
  party: string | undefined;
}

/** Waits for a turn as long as the limit allows, and resolves with the function that ends it. */
export function turnWithin(
  limit: Limit,
  turns: OriginTurns,
  { origin, party }: TurnWanted,
): Promise<() => void> {
  const waiting = new AbortController();
  limit.attach(waiting);
  return turns.waitForTurn(origin, { party, signal: waiting.signal });
}

/**
 * A model whose replies take turns with those for other parties from the same origin: no party keeps the others from it. A reply waits
 * for its turn at most as long as for the endpoint.
 */
export function withTurns(
  model: Model,
  turns: OriginTurns,
  { timeoutMs = 120_000, ...wanted }: TurnWanted & { timeoutMs?: number | undefined },
): Model {
  return {
    async reply(request, options) {
      const limit = openLimit(options.signal, timeoutMs, timeoutMs);
      const endTurn = await turnWithin(limit, turns, wanted).finally(() => limit.close());
      try {
        return await model.reply(request, options);
      } finally {
        endTurn();
      }
    },
  };
}
