import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { rulesAsData } from './command-shapes.ts';
import { deviceBody } from './shapes.ts';

type RuleParts = Pick<Parts, 'devices' | 'config'>;
const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;

/** Rules and devices before they are saved. */
export function createRuleRoutes(parts: RuleParts): Route[] {
  return [tryRulesOf(parts), tryDevice(parts)];
}

/** Rules that are tried: their words, and the answer for each tool. */
const rulesTrial = {
  required: ['rulesInWords', 'rulesAsData', 'tools'],
  properties: {
    rulesInWords: texts,
    rulesAsData,
    tools: {
      type: 'array',
      items: {
        type: 'object',
        required: ['tool', 'effect', 'decision', 'rule', 'rules', 'isByArguments'],
        properties: {
          tool: text,
          effect: { enum: ['read', 'write'] },
          /** At this moment, for a call without arguments. */
          decision: { enum: ['allow', 'dry_run', 'ask', 'deny'] },
          /** The rules that decide, in words. */
          rule: text,
          rules: rulesAsData,
          isByArguments: {
            type: 'boolean',
            description: 'whether the arguments or the number of calls can change the answer',
          },
        },
      },
    },
  },
} as const;

function tryDevice({ devices, config }: RuleParts): Route {
  return route({
    method: 'POST',
    path: '/api/devices/trial',
    summary:
      'Checks a device before it is registered: its tools with the answer of its rules at this moment, the skipped operations, and the warnings. Nothing is saved, and no operation is called.',
    access: 'manage devices',
    body: deviceBody,
    bodyMaxBytes: config.limits.deviceMaxBytes,
    answer: {
      type: 'object',
      required: ['title', 'kind', 'warnings', 'skipped', ...rulesTrial.required],
      properties: {
        title: text,
        kind: text,
        warnings: texts,
        skipped: { type: 'array', items: { type: 'object' } },
        ...rulesTrial.properties,
      },
    },
    handle: ({ body, caller }) => devices.tryDevice(body, { party: caller.id }),
  });
}

function tryRulesOf({ devices }: RuleParts): Route {
  return route({
    method: 'POST',
    path: '/api/devices/:name/rules/trial',
    summary:
      'Tries other rules for a device, together with those of the server: their words, and the answer for each tool at this moment. Nothing is saved, and nothing is called.',
    access: 'manage devices',
    body: {
      type: 'object',
      required: ['rules'],
      examples: [{ rules: { calls: [{ effect: 'write', decision: 'ask' }] } }],
      properties: { rules: { type: 'object', additionalProperties: {} } },
    },
    answer: { type: 'object', required: rulesTrial.required, properties: rulesTrial.properties },
    async handle({ params: { name }, body, caller }) {
      const device = await devices.find(name, caller.id);
      if (!device.definition)
        throw new AppError('unavailable', `The device "${name}" cannot be used: ${device.fault}`);
      return devices.tryRules(device, body.rules);
    },
  });
}
