import type { JsonObject } from '../../common/json.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { goneSignal } from '../../server/stream.ts';
import type { Parts } from '../dialect.ts';

/** OpenAI's model object. */
const modelSchema = {
  type: 'object',
  required: ['id', 'object', 'created', 'owned_by'],
  properties: {
    id: { type: 'string' },
    object: { const: 'model' },
    created: { type: 'integer' },
    owned_by: { type: 'string' },
  },
} as const;

/** The models of the server's endpoint. They are asked for each time: endpoints with local models change theirs while they run. */
export function modelRoutes({ completions }: Pick<Parts, 'completions'>): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/models',
      summary: "The models that the server's endpoint offers.",
      access: 'look',
      answer: {
        type: 'object',
        required: ['object', 'data'],
        properties: { object: { const: 'list' }, data: { type: 'array', items: modelSchema } },
      },
      async handle({ caller, response }) {
        const models = await completions.models(goneSignal(response), caller.id);
        return { object: 'list', data: models.map(formatModel) };
      },
    }),
    // Names of models have slashes: `meta-llama/Llama-3.3-70B`. Clients encode them, and people do not.
    route({
      method: 'GET',
      path: '/v1/models/*model',
      summary: "A model of the server's endpoint.",
      access: 'look',
      answer: modelSchema,
      async handle({ caller, params, response }) {
        const name = params.model.join('/');
        const models = await completions.models(goneSignal(response), caller.id);
        const found = models.find(({ id }) => id === name);
        if (found) return formatModel(found);
        throw new AppError('not_found', `The model '${name.slice(0, 100)}' does not exist.`);
      },
    }),
  ];
}

/** A model with all fields that OpenAI requires. Endpoints leave some out. */
function formatModel({ id, created, owned_by: owner }: JsonObject) {
  return {
    id: typeof id === 'string' ? id : '',
    object: 'model',
    created: typeof created === 'number' ? Math.floor(created) : 0,
    owned_by: typeof owner === 'string' ? owner : 'endpoint',
  };
}
