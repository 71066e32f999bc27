import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/**
 * Sends a short text to a telephone or an e-mail address.
 *
 * Contract: rejects within ten seconds when the text was surely not handed over.
 */
export interface Sender {
  /** Resolves when the text was handed over. */
  send(message: OutgoingText): Promise<void>;
}

/** A text on its way. */
export interface OutgoingText {
  /** A telephone number or an e-mail address. */
  to: string;
  text: string;
  /** The code in the text, for services that write their own text. */
  code?: string;
}

/** How long a webhook may take. */
const TIMEOUT_MS = 10_000;

/** A sender that writes texts into the log, for trials. */
export function createConsoleSender(log: Log, kind: string): Sender {
  return {
    send: async ({ to, text }) => log.info({ to }, `${kind}: ${text}`),
  };
}

/** A sender that posts `{"telephone","text","code"}` to a URL; the answer must have a status of 200 to 299. */
export function createWebhookSender(url: string, fetchIt: typeof fetch): Sender {
  return {
    async send({ to, text, code }) {
      const answer = await fetchIt(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ telephone: to, text, code }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }).catch((error: unknown) => {
        throw new Error(`The webhook cannot be reached: ${messageOf(error)}`, { cause: error });
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`The webhook answered with the status ${answer.status}.`);
    },
  };
}
