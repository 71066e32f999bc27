import type { JsonValue } from '../common/json.ts';
import type { Approvers, Risk } from '../core/message.ts';
import type { Effect } from '../core/tool.ts';

/** The answer of a rule, from the mildest to the strictest. */
export const ruleAnswers = ['allow', 'dry_run', 'ask', 'deny'] as const;
/** The answer of a rule. */
export type RuleAnswer = (typeof ruleAnswers)[number];

/** The people who may approve a call: the one who asked, anybody else who may use the device, or an administrator. */
export const approverKinds = ['owner', 'other', 'admin'] as const satisfies readonly Approvers[];

/** The tests of one argument; all of them must hold. */
export interface ArgumentTest {
  /** The value itself does not meet it; the same holds for `below`. */
  above?: number;
  below?: number;
  /** A text equals the number or the boolean that it spells. */
  equals?: JsonValue;
  /** One of these, each compared as by `equals`. */
  in?: JsonValue[];
  /** A regular expression of JSON Schema. */
  matches?: string;
}

/** An entry of `calls`: the calls that it is about, and the answer for them. */
export interface CallRule {
  /** Names or operations, with `*` for any text. */
  tools?: string[];
  /** Both effects when missing; so is every risk. */
  effect?: Effect;
  risk?: Risk;
  /** The tests of arguments, by top-level name or JSON pointer. */
  when?: Record<string, ArgumentTest>;
  /** Two local times, `HH:MM`: from the first, up to the second. */
  between?: [string, string];
  decision: RuleAnswer;
  /** For `ask` only, as is the time-out. `owner` when missing. */
  approvers?: Approvers;
  /** 300 when missing. After it the call is refused. */
  approvalTimeoutSeconds?: number;
}

/** An entry of `limits`: it is checked for every write. */
export interface LimitRule {
  /** Every write when missing. */
  tools?: string[];
  /** The top-level name or JSON pointer of the argument that `min`, `max` and `maxStep` are about. */
  argument?: string;
  min?: number;
  max?: number;
  /** The largest distance from the last known value. A write is refused while nobody knows that value. */
  maxStep?: number;
  /** So many writes to the device in `perSeconds`, over all sessions and nodes. */
  maxCalls?: number;
  perSeconds?: number;
  /** The same as one call in this time. */
  minIntervalSeconds?: number;
}

/** The rules of a device, of the server or of a session. */
export interface Rules {
  calls: CallRule[];
  limits: LimitRule[];
}

/** The longest time over which limits count, in ms; 0 without such a limit. */
export function countedMs({ limits }: Rules): number {
  const seconds = limits.flatMap(({ perSeconds = 0, minIntervalSeconds = 0 }) => [
    perSeconds,
    minIntervalSeconds,
  ]);
  return Math.max(0, ...seconds) * 1000;
}

const ENTRIES_MAX_COUNT = 1000;
/** A leap year. */
const SECONDS_MAX = 366 * 86_400;
const number = { type: 'number', description: 'a number' } as const;
const seconds = {
  type: 'number',
  exclusiveMinimum: 0,
  maximum: SECONDS_MAX,
  description: 'a number of seconds, above 0',
} as const;
const tools = {
  type: 'array',
  minItems: 1,
  maxItems: ENTRIES_MAX_COUNT,
  description: 'a list of names or operations of tools, with * for any text',
  items: { type: 'string', minLength: 1, maxLength: 500, description: 'a name or an operation of a tool' },
} as const;

const test = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  description: 'at least one of above, below, equals, in and matches',
  properties: {
    above: number,
    below: number,
    // Any JSON value.
    equals: {},
    in: { type: 'array', minItems: 1, maxItems: ENTRIES_MAX_COUNT, description: 'a list of values' },
    matches: { type: 'string', description: 'a regular expression' },
  },
} as const;

const callRule = {
  type: 'object',
  required: ['decision'],
  additionalProperties: false,
  description: 'an object',
  properties: {
    tools,
    effect: { enum: ['read', 'write'], description: 'read or write' },
    risk: { enum: ['low', 'normal', 'high'], description: 'low, normal or high' },
    when: {
      type: 'object',
      minProperties: 1,
      description: 'an object of conditions by argument',
      propertyNames: { minLength: 1, description: 'the name of an argument' },
      additionalProperties: test,
    },
    between: {
      type: 'array',
      minItems: 2,
      maxItems: 2,
      description: 'two local times, such as ["22:00", "06:00"]',
      items: {
        type: 'string',
        // 24:00 is an end only: `parseRules` refuses it as a beginning.
        pattern: '^(?:(?:[01]\\d|2[0-3]):[0-5]\\d|24:00)$',
        description: 'a time such as "06:00"',
      },
    },
    decision: { enum: ruleAnswers, description: 'allow, ask, deny or dry_run' },
    approvers: { enum: approverKinds, description: 'owner, other or admin' },
    approvalTimeoutSeconds: seconds,
  },
} as const;

const limitRule = {
  type: 'object',
  additionalProperties: false,
  description: 'an object',
  properties: {
    tools,
    argument: { type: 'string', minLength: 1, description: 'the name of an argument, or a JSON pointer' },
    min: number,
    max: number,
    maxStep: { type: 'number', exclusiveMinimum: 0, description: 'a number above 0' },
    maxCalls: { type: 'integer', minimum: 1, maximum: 1e6, description: 'a whole number from 1 to 1000000' },
    perSeconds: seconds,
    minIntervalSeconds: seconds,
  },
} as const;

const list = (items: object): object => ({
  type: 'array',
  maxItems: ENTRIES_MAX_COUNT,
  description: `a list of at most ${ENTRIES_MAX_COUNT} rules`,
  items,
});
/** The shape of rules; `schemaFaults` says its faults in words. */
export const rulesSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'an object with calls and limits',
  properties: { calls: list(callRule), limits: list(limitRule) },
};
