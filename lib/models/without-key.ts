import type { Model } from '../core/model.ts';
import { blotOwnSecrets, createSecretStream } from '../secrets.ts';

/** Local endpoints get words such as "not-needed" for a key. A shorter key may be a word of a reply. */
const KEY_MIN_LENGTH = 16;

/** A model whose replies, deltas and thinking text never hold its key: an endpoint may send back the headers that it got. */
export function withoutKey(model: Model, apiKey: string | undefined): Model {
  if (apiKey === undefined || apiKey.length < KEY_MIN_LENGTH) return model;
  const secrets = [apiKey];
  return {
    async reply(request, { onDelta, onReasoning, ...options }) {
      const text = blotPieces(onDelta, secrets);
      const thinking = blotPieces(onReasoning, secrets);
      const reply = await model.reply(request, {
        ...options,
        ...(text && { onDelta: text.push }),
        ...(thinking && { onReasoning: thinking.push }),
      });
      // The end of a text waits while it may begin the key.
      thinking?.end();
      text?.end();
      return blotOwnSecrets(reply, secrets);
    },
  };
}

/** A receiver of pieces that passes on clean text. */
function blotPieces(
  receive: ((text: string) => void) | undefined,
  secrets: readonly string[],
): { push(piece: string): void; end(): void } | undefined {
  if (receive === undefined) return undefined;
  const stream = createSecretStream(secrets);
  const passOn = (text: string): void => {
    if (text !== '') receive(text);
  };
  return { push: (piece) => passOn(stream.push(piece)), end: () => passOn(stream.end()) };
}
