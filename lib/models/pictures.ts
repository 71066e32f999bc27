import { isObject, type JsonObject } from '../common/json.ts';
import { OriginTurns } from '../common/origin-turns.ts';
import { withoutEnd } from '../common/without-end.ts';
import type { ModelConfig } from '../core/model.ts';
import { ModelError, messageOf } from '../errors.ts';
import { parseBaseUrl, requestHeaders } from './endpoint.ts';
import { safeText, withoutOwnHost } from './failure.ts';
import { tryParseJson } from './parse-json.ts';
import { BrokenBodyError, readBodyText } from './read-body.ts';

/** A picture of an endpoint: its URL or its bytes. `tokens` when the endpoint counts them. */
export type Picture = ({ url: string } | { bytes: Buffer }) & { tokens?: number };

/** Draws pictures. Contract: rejects with a ModelError, or with the signal's reason. */
export interface Pictures {
  /** Asks once and never again: each picture costs. `party` is the user for whom it is drawn: the parties take turns. */
  draw(config: ModelConfig, prompt: string, signal: AbortSignal, party?: string): Promise<Picture>;
}

/** How endpoints are reached, and the settings behind them. */
export interface PicturesOptions {
  /** Makes every connection. */
  fetch: typeof globalThis.fetch;
  timeoutMs: number;
  /** The turns of requests to each origin; its own when missing. */
  turns?: OriginTurns;
  /** The settings, for the fields that a config leaves out. The key goes to this base URL and to no other. */
  defaults: { baseUrl?: string | undefined; apiKey?: string | undefined };
}

/** The picture may be in the answer, as base64. */
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;

/** Pictures of any endpoint for OpenAI's images [OpenAI API, POST /images/generations]. */
export function openPictures({
  fetch,
  timeoutMs,
  defaults,
  turns = new OriginTurns(),
}: PicturesOptions): Pictures {
  return {
    async draw({ baseUrl, apiKey, model = '', extra }, prompt, signal, party) {
      const base = parseBaseUrl(baseUrl ?? defaults.baseUrl ?? refuseDemo());
      const key =
        apiKey ?? (baseUrl === undefined || baseUrl === defaults.baseUrl ? defaults.apiKey : undefined);
      const headers = requestHeaders(key);
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      let endTurn = (): void => undefined;
      const path = `${withoutEnd(base.pathname, '/')}/images/generations`;
      try {
        endTurn = await turns.waitForTurn(base.origin, { party, signal: limit });
        const answer = await fetch(`${base.origin}${path}${base.search}`, {
          method: 'POST',
          headers,
          body: JSON.stringify({ ...extra, model, prompt, n: 1 }),
          signal: limit,
        });
        return pictureOf(
          answer.status,
          tryParseJson(await readBodyText(answer, ANSWER_MAX_BYTES)),
          base.host,
        );
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof ModelError && !(error instanceof BrokenBodyError)) throw error;
        if (limit.aborted)
          throw new ModelError(`the model endpoint drew nothing for ${timeoutMs / 1000} s; given up`);
        throw new ModelError(`the model endpoint cannot draw: ${safeText(messageOf(error), key)}`, {
          cause: error,
        });
      } finally {
        endTurn();
      }
    },
  };
}

/** The picture in an answer. Throws a ModelError for a refusal, with the words of the endpoint, and for an answer without a picture. */
function pictureOf(status: number, answer: unknown, host: string): Picture {
  const json: JsonObject = isObject(answer) ? answer : {};
  if (status < 200 || status > 299) {
    const { error } = json;
    const said = isObject(error) && typeof error['message'] === 'string' ? error['message'] : '';
    const detail = safeText(withoutOwnHost(said, host), undefined);
    throw new ModelError(`the model endpoint ${host} answered ${status}${detail && `: ${detail}`}`, {
      refusal: { status, words: detail },
    });
  }
  const { data, usage } = json;
  const first = Array.isArray(data) ? data[0] : undefined;
  const tokens =
    isObject(usage) && typeof usage['total_tokens'] === 'number' ? usage['total_tokens'] : undefined;
  const counted = tokens === undefined ? {} : { tokens };
  if (isObject(first)) {
    const { url, b64_json: base64 } = first;
    if (typeof base64 === 'string' && base64 !== '')
      return { bytes: Buffer.from(base64, 'base64'), ...counted };
    if (typeof url === 'string' && /^https?:\/\//i.test(url)) return { url, ...counted };
  }
  throw new ModelError(`the model endpoint ${host} sent no picture`);
}

function refuseDemo(): never {
  throw new ModelError('the demo model draws no pictures: set baseUrl and apiKey');
}
