import type { AgentApp } from '../../agents/apps.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { secondsOf } from '../unix-time.ts';
import { pageOf } from './page.ts';
import { DEFAULT_ASSISTANT } from './run-format.ts';
import { limitSchema, listSchema, orderSchema } from './schemas.ts';

/** An assistant, in OpenAI's shape. */
const assistantSchema = {
  type: 'object',
  required: [
    'id',
    'object',
    'created_at',
    'name',
    'description',
    'model',
    'instructions',
    'tools',
    'metadata',
  ],
  properties: {
    id: { type: 'string' },
    object: { const: 'assistant' },
    created_at: { type: 'integer' },
    name: { type: ['string', 'null'] },
    description: { type: ['string', 'null'] },
    model: { type: 'string' },
    instructions: { type: ['string', 'null'] },
    /** Empty: the devices of an app are no tools of OpenAI. */
    tools: { type: 'array', items: { type: 'object' } },
    metadata: { type: 'object' },
  },
} as const;

/** More apps than a list shows at once. */
const APPS_MAX_COUNT = 1000;

/** Assistants: the default one, and the caller's apps. They are made and changed under `/apps`. */
export function assistantRoutes({ agents: { apps }, config }: Pick<Parts, 'agents' | 'config'>): Route[] {
  const cursor = { type: 'string', minLength: 1, maxLength: 200 } as const;
  const fallback = {
    // It has no time of its own: with 0 it is older than every app.
    ...shape(DEFAULT_ASSISTANT, 0),
    name: 'Default',
    description: 'Answers with the model and the devices of the thread.',
    model: config.model.model,
  };
  return [
    route({
      method: 'GET',
      path: '/v1/assistants',
      summary: "The caller's apps, and the default assistant, newest first unless asked otherwise.",
      access: 'look',
      query: {
        type: 'object',
        properties: { limit: limitSchema, order: orderSchema, after: cursor, before: cursor },
      },
      answer: listSchema(assistantSchema),
      async handle({ query, caller }) {
        const page = { before: Number.MAX_SAFE_INTEGER, offset: 0, limit: APPS_MAX_COUNT };
        const { apps: own } = await apps.list(caller, page);
        const newest = [...(await Promise.all(own.map(formatAssistant))), fallback];
        return pageOf(query.order === 'asc' ? newest.toReversed() : newest, query, 'an assistant');
      },
    }),
    route({
      method: 'GET',
      path: '/v1/assistants/:assistant',
      summary: 'An assistant: an app of the caller, or `default`.',
      access: 'look',
      answer: assistantSchema,
      async handle({ params, caller }) {
        if (params.assistant === DEFAULT_ASSISTANT) return fallback;
        return formatAssistant(await apps.find(params.assistant, caller));
      },
    }),
  ];
}

/** An app as an assistant, with the configuration that its runs use: the published one, else the draft. No model: that of the settings. */
async function formatAssistant({ id, name, description, createdAt, draft, published }: AgentApp) {
  const config = await (published ?? draft)?.open();
  return {
    ...shape(id, createdAt),
    name,
    description,
    model: config?.model?.model ?? '',
    instructions: config?.systemPrompt ?? null,
  };
}

/** The fields that OpenAI requires of an assistant; those that an app does not have are empty. */
function shape(id: string, createdAt: number) {
  return {
    id,
    object: 'assistant',
    created_at: secondsOf(createdAt),
    name: '',
    description: '',
    model: '',
    instructions: null as string | null,
    tools: [],
    metadata: {},
    temperature: null,
    top_p: null,
    response_format: 'auto',
    tool_resources: null,
  };
}
