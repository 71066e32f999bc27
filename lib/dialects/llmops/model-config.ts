import type { XStatic } from 'typebox/schema';
import type { AgentConfig } from '../../agents/agent-config.ts';
import type { NewDraft } from '../../agents/apps.ts';
import { withMaskedSecrets } from '../../common/masked-secrets.ts';
import type { JsonObject } from '../../common/json.ts';
import { AppError, type Fault } from '../../errors.ts';
import { initSchema, toDeviceUses } from '../liteagent/init.ts';

const { llmConfig, systemPrompt, openSpecList, devices, toolPipelineStrategy } = initSchema.properties;
/** How many earlier rounds the model gets. */
const dialogRound = { type: 'integer', minimum: 0 } as const;

/** The body of an update of an app's draft (contract 3). */
export const configSchema = {
  type: 'object',
  examples: [
    {
      model_config: { dialog_round: 3, systemPrompt: 'You look after the lights.' },
      memory_mode: 'long_term_memory',
    },
  ],
  required: ['model_config', 'memory_mode'],
  properties: {
    model_config: {
      type: 'object',
      properties: {
        dialog_round: dialogRound,
        llmConfig,
        systemPrompt,
        openSpecList,
        devices,
        toolPipelineStrategy,
      },
      // Fields without a meaning here are kept for the client, and come back as they were.
      additionalProperties: {},
    },
    dialog_round: dialogRound,
    memory_mode: { enum: ['long_term_memory', 'none'] },
    /** Accepted, and not read: an update is always one of the draft. */
    status: { enum: ['drafted', 'draft'] },
  },
} as const;

/** A valid body of an update. */
export type ConfigBody = XStatic<typeof configSchema>;

/** The draft in a valid body. Throws `invalid_request` when `dialog_round` is missing, or differs in its two places. */
export function toDraft(body: ConfigBody): NewDraft {
  const { dialog_round: inside, llmConfig: model, ...rest } = body.model_config;
  const {
    systemPrompt: prompt,
    openSpecList: documents,
    devices: uses,
    toolPipelineStrategy: toolStrategy,
    ...others
  } = rest;
  const turnsMaxCount = inside ?? body.dialog_round;
  if (turnsMaxCount === undefined)
    throw wrong({ pointer: '/model_config/dialog_round', detail: 'is missing' });
  if (body.dialog_round !== undefined && body.dialog_round !== turnsMaxCount)
    throw wrong({
      pointer: '/dialog_round',
      detail: `is ${body.dialog_round}, but ${turnsMaxCount} in model_config`,
    });
  const config: AgentConfig = {
    turnsMaxCount,
    ...(model !== undefined && { model }),
    ...(prompt !== undefined && { systemPrompt: prompt }),
    ...(documents !== undefined && { documents: documents as JsonObject[] }),
    ...(uses !== undefined && { devices: toDeviceUses(uses) }),
    ...(toolStrategy !== undefined && { toolStrategy }),
    ...(Object.keys(others).length > 0 && { others: others as JsonObject }),
  };
  return { config, remembers: body.memory_mode === 'long_term_memory' };
}

/** A configuration as the client sent it, with its keys masked. */
export function toModelConfig(config: AgentConfig): JsonObject {
  const {
    turnsMaxCount = 0,
    model,
    systemPrompt: prompt,
    documents,
    devices,
    toolStrategy,
    others,
  } = withMaskedSecrets(config);
  return {
    ...others,
    dialog_round: turnsMaxCount,
    ...(model && { llmConfig: { ...model } }),
    ...(prompt !== undefined && { systemPrompt: prompt }),
    ...(documents && { openSpecList: documents }),
    ...(devices && { devices: devices.map((use) => ({ ...use })) }),
    ...(toolStrategy && { toolPipelineStrategy: toolStrategy }),
  };
}

/** The pointers of a configuration's parts here, and on the wire. */
const places: readonly (readonly [string, string])[] = [
  ['/model/', '/llmConfig/'],
  ['/documents/', '/openSpecList/'],
  ['/others/', '/'],
];

/** The outcome of work on a configuration; an error has the pointers of its faults as on the wire. */
export async function inWireWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw wireError(error);
  }
}

/** An error with the places of its faults on the wire. Any other error stays as it is. */
function wireError(error: unknown): unknown {
  if (!(error instanceof AppError) || !/^(invalid_request|spec_invalid)$/.test(error.code)) return error;
  const faults = error.faults.map((fault) => {
    const { pointer } = fault;
    const [ours, wire] = places.find(([start]) => pointer.startsWith(start)) ?? ['', ''];
    return { ...fault, pointer: `/model_config${wire}${pointer.slice(ours.length)}` };
  });
  return new AppError(error.code, error.message, { faults, cause: error });
}

function wrong(fault: Fault): AppError {
  return new AppError('invalid_request', `${fault.pointer.slice(1)} ${fault.detail}`, { faults: [fault] });
}
