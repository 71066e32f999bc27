import { LRUCache } from 'lru-cache';
import type { JsonValue } from '../common/json.ts';
import type { ModelConfig } from '../core/model.ts';

/** The fields of a request that some endpoints refuse, each with its other name there; undefined: the field is left out. */
const REFUSABLE = {
  stream_options: undefined,
  top_p: undefined,
  temperature: undefined,
  max_tokens: 'max_completion_tokens',
  max_completion_tokens: undefined,
} as const;

type Refusable = keyof typeof REFUSABLE;

/** The ways of one endpoint that differ from OpenAI's. */
export interface Quirks {
  /** The fields of a request that it has refused. */
  refused: Set<string>;
  /** The names of its own additions that it has refused to get back. */
  refusedAdditions: Set<string>;
  /** Its address was given without a path, and it is under `/v1`. */
  v1: boolean;
}

const ENDPOINTS_MAX_COUNT = 1_000;

/** Remembers the quirks of each endpoint under a key that the caller makes of address and model. Evicts those not used for longest. */
export function rememberQuirks(): (endpoint: string) => Quirks {
  const known = new LRUCache<string, Quirks>({ max: ENDPOINTS_MAX_COUNT });
  return (endpoint) => {
    const quirks = known.get(endpoint) ?? { refused: new Set(), refusedAdditions: new Set(), v1: false };
    known.set(endpoint, quirks);
    return quirks;
  };
}

/** The fields of a request, except messages and tools, as this endpoint takes them. */
export function requestHead(
  config: Required<Pick<ModelConfig, 'model' | 'temperature' | 'topP' | 'maxTokens'>> &
    Pick<ModelConfig, 'extra'>,
  stream: boolean,
  quirks: Quirks,
): Record<string, JsonValue> {
  const wanted: [Refusable, JsonValue][] = [
    ['temperature', config.temperature],
    ['top_p', config.topP],
    ['max_tokens', config.maxTokens],
  ];
  if (stream) wanted.push(['stream_options', { include_usage: true }]);
  const head: Record<string, JsonValue> = { model: config.model };
  if (stream) head['stream'] = true;
  for (const [field, value] of Object.entries(config.extra ?? {}))
    if (value !== undefined && !quirks.refused.has(field)) head[field] = value;
  for (const [field, value] of wanted) {
    let name: Refusable | undefined = field;
    while (name !== undefined && quirks.refused.has(name)) name = REFUSABLE[name];
    if (name !== undefined) head[name] = value;
  }
  return head;
}

/** The words of a refusal that asks for a field, instead of refusing it. */
const ASKS_FOR = /\bmust be (?:passed|provided|included|sent|returned|present)\b|\bmissing\b|\brequired\b/i;

/**
 * Notes the field of `head` that a refusal (HTTP 400 or 422) names. Returns true when there is one: then the same request,
 * made again, leaves it out. When two are named (`temperature` and `top_p` together), it is the first of the table.
 */
export function noteRefusal(
  quirks: Quirks,
  head: Record<string, JsonValue>,
  refusal: { status: number | undefined; param: string | undefined; detail: string },
): boolean {
  if (refusal.status !== 400 && refusal.status !== 422) return false;
  const sent = [
    ...Object.keys(REFUSABLE).filter((field) => field in head),
    ...Object.keys(head).filter((field) => !(field in REFUSABLE) && field !== 'model' && field !== 'stream'),
  ];
  const refused =
    sent.find((field) => refusal.param === field || refusal.param?.startsWith(`${field}.`)) ??
    // Words alone say little where the endpoint asks for a field: "… in the thinking mode must be passed back" refuses no `thinking`.
    (ASKS_FOR.test(refusal.detail)
      ? undefined
      : sent.find((field) => /^\w+$/.test(field) && new RegExp(`\\b${field}\\b`).test(refusal.detail)));
  if (refused === undefined || quirks.refused.has(refused)) return false;
  quirks.refused.add(refused);
  return true;
}

/**
 * Notes the addition that a refusal names: DeepSeek's first reasoner, for one, refuses the `reasoning_content` that it sent itself.
 * `sent`: the names of the additions in the request. Returns true when there is one: the same request leaves it out then.
 */
export function noteRefusedAddition(
  quirks: Quirks,
  sent: ReadonlySet<string>,
  { status, param, detail }: { status: number | undefined; param: string | undefined; detail: string },
): boolean {
  if ((status !== 400 && status !== 422) || ASKS_FOR.test(detail)) return false;
  const words = new Set(`${param ?? ''} ${detail}`.match(/\w+/g));
  const refused = [...sent].find((name) => words.has(name) && !quirks.refusedAdditions.has(name));
  if (refused === undefined) return false;
  quirks.refusedAdditions.add(refused);
  return true;
}
