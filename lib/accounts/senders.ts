import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/**
 * Carries a short text to a telephone or an e-mail address.
 *
 * Contract: rejects when it was surely not handed over; within ten seconds.
 */
export interface Sender {
  send(message: OutgoingText): Promise<void>;
}

export interface OutgoingText {
  /** A telephone number or an e-mail address. */
  to: string;
  text: string;
  /** The code in the text, for services that have texts of their own. */
  code?: string;
}

const TIMEOUT_MS = 10_000;

/** A sender that writes into the log, for trying things out. */
export function createConsoleSender(log: Log, kind: string): Sender {
  return {
    send: async ({ to, text }) => log.info({ to }, `${kind}: ${text}`),
  };
}

/** A sender that posts `{"telephone","text","code"}` to a URL, which answers with a 2xx. */
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
      if (!answer.ok) throw new Error(`The webhook answered with ${answer.status}.`);
    },
  };
}
