import type { OriginTurns } from '../common/origin-turns.ts';
import type { Model } from '../core/model.ts';

/** A model whose replies take turns with those for other parties from the same origin: no party keeps the others from it. */
export function withTurns(
  model: Model,
  turns: OriginTurns,
  { origin, party }: { origin: string; party: string | undefined },
): Model {
  return {
    reply: (request, options) =>
      turns.take(origin, () => model.reply(request, options), { party, signal: options.signal }),
  };
}
