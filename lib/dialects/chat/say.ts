import type { Chat } from '../../chats/chats.ts';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { Model, ModelConfig, ModelMessage } from '../../core/model.ts';
import { AppError } from '../../errors.ts';
import type { Call } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { openContents, saidTextOf, type Contents, type Said } from './content.ts';
import { apiKey, baseUrl, id, line, params } from './shapes.ts';

/** The body of `/chat/send` and `/conversation/generate_title`: a conversation, its messages, and the model to ask. */
export const sayBody = {
  type: 'object',
  required: ['conversation_id', 'messages'],
  examples: [
    {
      conversation_id: 1,
      messages: [{ role: 'user', content: 'Good evening' }],
      base_url: 'http://127.0.0.1:11434/v1',
      model_name: 'qwen3:8b',
    },
  ],
  properties: {
    conversation_id: id,
    messages: {
      type: 'array',
      minItems: 1,
      maxItems: 2000,
      items: {
        type: 'object',
        required: ['role', 'content'],
        properties: {
          message_id: id,
          role: { enum: ['user', 'assistant', 'system'] },
          content: { description: 'a text or parts', type: ['string', 'array'] },
        },
      },
    },
    base_url: baseUrl,
    model_name: line,
    api_key: apiKey,
    model_config_id: id,
    params,
  },
} as const;

/**
 * A valid body. The model is named in one of two ways: with its address and key (or the mask of a stored key), or by the id of a
 * stored configuration.
 */
interface SayBody {
  conversation_id: number;
  /** `message_id` is there for a message that is stored already. */
  messages: { message_id?: number; role: 'user' | 'assistant' | 'system'; content: unknown }[];
  base_url?: string;
  model_name?: string;
  api_key?: string;
  /** With it `base_url` is ignored, and `model_name` counts only where the configuration has none. */
  model_config_id?: number;
  /** Parameters of the model under OpenAI's names; they count over those of a stored configuration. */
  params?: unknown;
}

/** Users bring their own keys: the server's key is never spent on them, not even at the server's own endpoint. */
const theirs = { ownKey: false };

/** The parts that are needed to read a request. */
export type SayParts = Pick<Parts, 'chats' | 'objects' | 'modelConfigs' | 'models' | 'config'>;

/** A checked request: the conversation, the model to ask, and the messages for it. */
export interface Saying {
  chat: Chat;
  model: Model;
  contents: Contents;
  /** In the order of the request; `id` as in the request. */
  messages: { id: number | undefined; role: 'user' | 'assistant' | 'system'; said: Said }[];
}

/** Checks a request, before anything is stored or sent. Throws `not_found` and `invalid_request`. */
export async function readSaying(parts: SayParts, call: Call<unknown, SayBody>): Promise<Saying> {
  const { caller, body, origin } = call;
  accountOf(caller);
  const chat = await findConversation(parts, caller.id, body.conversation_id);
  const contents = openContents(parts.objects, caller.id, origin);
  const messages = body.messages.map(({ message_id: messageId, role, content }, index) => ({
    id: messageId,
    role,
    said: contents.read(content as JsonValue, `/messages/${index}/content`),
  }));
  for (const [index, { said }] of messages.entries())
    await contents.check(said, `/messages/${index}/content`, parts.config.limits.imageMaxBytes);
  return { chat, model: await openModel(parts, caller.id, body), contents, messages };
}

/** A conversation of the caller. Throws `not_found` for any other. */
export async function findConversation(
  { chats }: Pick<Parts, 'chats'>,
  owner: string,
  id: number,
): Promise<Chat> {
  const chat = await chats.find({ id });
  // A chat with a preset belongs to another contract (AIDeer), and is no conversation here.
  if (chat && chat.owner === owner && chat.presetId === null) return chat;
  throw new AppError('not_found', 'There is no such conversation.');
}

/** The model to ask. Throws `not_found` for an unknown configuration and `invalid_request` when no model is named. */
async function openModel(
  { modelConfigs, models }: Pick<Parts, 'modelConfigs' | 'models'>,
  owner: string,
  body: SayBody,
): Promise<Model> {
  const given = (body.params ?? {}) as JsonObject;
  // A model on the user's own machine has no key.
  const { base_url: baseUrl, model_name: model, api_key: apiKey = '' } = body;
  if (body.model_config_id !== undefined) {
    const stored = await modelConfigs.find(owner, body.model_config_id);
    if (!stored) throw new AppError('not_found', 'There is no such model configuration.');
    // The stored key goes to the stored endpoint only. An endpoint in the request is ignored.
    const { baseUrl: url, apiKey: key, modelName, params: more } = stored;
    const name = modelName || model;
    if (!name) throw new AppError('invalid_request', 'The model configuration has no model_name: send one.');
    const settings = settingsOf({ ...more, ...given });
    return models.open({ baseUrl: url, apiKey: key, model: name, ...settings }, { ...theirs, party: owner });
  }
  if (baseUrl === undefined || model === undefined)
    throw new AppError(
      'invalid_request',
      'A model is needed: base_url, model_name and its api_key, or model_config_id.',
    );
  // A mask stands for the stored key of this very endpoint.
  const key = await modelConfigs.keyFor(owner, { baseUrl, modelName: model, apiKey });
  return models.open({ baseUrl, apiKey: key, model, ...settingsOf(given) }, { ...theirs, party: owner });
}

/** The parameters of a request. A field that this server has no name for goes to the endpoint as it is. */
function settingsOf({ temperature, top_p: topP, max_tokens: maxTokens, ...extra }: JsonObject): ModelConfig {
  return {
    ...(typeof temperature === 'number' && { temperature }),
    ...(typeof topP === 'number' && { topP }),
    ...(typeof maxTokens === 'number' && { maxTokens }),
    extra,
  };
}

/** The messages, for a model. */
export function toModelMessages({ contents, messages }: Saying): Promise<ModelMessage[]> {
  return Promise.all(
    messages.map(async ({ role, said }): Promise<ModelMessage> => {
      if (role === 'system') return { role, text: saidTextOf(said) };
      if (role === 'assistant') return { role, text: saidTextOf(said), calls: [] };
      return { role, content: await contents.forModel(said) };
    }),
  );
}
