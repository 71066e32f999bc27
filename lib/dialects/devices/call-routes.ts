import type { JsonObject } from '../../common/json.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { dryRunField } from '../dry-run-field.ts';

type CallParts = Pick<Parts, 'devices' | 'direct'>;

/** Calls of registered devices without a model (contract 6, section 1). */
export function createCallRoutes(parts: CallParts): Route[] {
  return [callTool(parts)];
}

/**
 * Answers when the call is over, also when it has waited for an approval. A call that was refused or that failed is a result with an
 * `error`, and has the status 200.
 */
function callTool({ devices, direct }: CallParts): Route {
  return route({
    method: 'POST',
    path: '/api/devices/:name/tools/:tool',
    summary:
      'Calls a tool of a device, under the same rules, limits and audit as the calls of models. With dryRun a write is not sent, and the result shows what would have been.',
    access: 'use a device',
    keepsAnswer: true,
    exactFields: ['arguments'],
    body: {
      type: 'object',
      examples: [{ arguments: {}, dryRun: true }],
      properties: {
        arguments: { type: 'object', additionalProperties: {} },
        dryRun: dryRunField,
      },
      // With a misspelt `dryRun` the write would be sent.
      additionalProperties: false,
    },
    answer: { type: 'object', description: 'the result of the call; a call that failed has an error' },
    async handle({ params: { name, tool }, body, caller }) {
      const device = await devices.find(name, caller.id);
      const { arguments: args = {}, dryRun } = body;
      if (!device.definition)
        throw new AppError('unavailable', `The device "${name}" cannot be used: ${device.fault}`);
      return direct.call(caller, {
        device: name,
        name: tool,
        arguments: args as JsonObject,
        ...(dryRun !== undefined && { dryRun }),
      });
    },
  });
}
