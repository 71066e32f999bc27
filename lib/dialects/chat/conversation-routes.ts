import { makeTitle } from '../../chats/title.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { goneSignal } from '../../server/stream.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { saidTextOf } from './content.ts';
import { findConversation, readSaying, sayBody, type SayParts } from './say.ts';
import { conversationOf, exactFields, id, ids, line } from './shapes.ts';

/** The list has no pages in this contract, so that this is the end of it. */
const LIST_MAX_COUNT = 10_000;
const nothing = { type: 'object' } as const;

/** The conversations of a user. */
export function createConversationRoutes(parts: SayParts & Pick<Parts, 'config'>): Route[] {
  const { chats, objects } = parts;
  return [
    route({
      method: 'GET',
      path: '/conversation',
      summary: "The user's conversations, the last used first.",
      access: 'look',
      answer: {
        type: 'object',
        required: ['conversations'],
        properties: { conversations: { type: 'array' } },
      },
      async handle({ caller }) {
        accountOf(caller);
        const page = { offset: 0, limit: LIST_MAX_COUNT, orderBy: 'updated_at', order: 'desc' } as const;
        return { conversations: (await chats.list(caller.id, 'free', page)).map(conversationOf) };
      },
    }),
    route({
      method: 'POST',
      path: '/conversation/create',
      summary: 'Creates a conversation.',
      access: 'chat',
      status: 201,
      body: {
        type: 'object',
        required: ['model_config_id'],
        examples: [{ model_config_id: 1 }],
        properties: { model_config_id: id },
      },
      answer: nothing,
      async handle({ caller, body: { model_config_id: modelConfigId } }) {
        accountOf(caller);
        await checkConfig(parts, caller.id, modelConfigId);
        return conversationOf(await chats.create({ owner: caller.id, modelConfigId }));
      },
    }),
    titleRoute(parts, '/conversation/generate_title'),
    titleRoute(parts, '/chat/generate_title'), // where newer pages ask for it
    route({
      method: 'POST',
      path: '/conversation/update',
      summary: 'Changes the title or the model configuration of a conversation.',
      access: 'chat',
      status: 202,
      body: {
        type: 'object',
        required: ['conversation_id'],
        examples: [{ conversation_id: 1, title: 'The house this evening' }],
        properties: { conversation_id: id, title: line, model_config_id: id },
      },
      answer: nothing,
      async handle({ caller, body: { conversation_id: chatId, title, model_config_id: modelConfigId } }) {
        accountOf(caller);
        const chat = await findConversation(parts, caller.id, chatId);
        if (modelConfigId !== undefined) await checkConfig(parts, caller.id, modelConfigId);
        await chats.change(chat.id, {
          ...(title !== undefined && { title }),
          ...(modelConfigId !== undefined && { modelConfigId }),
        });
        return {};
      },
    }),
    route({
      method: 'POST',
      path: '/conversation/delete',
      summary: 'Removes conversations with their messages and pictures: all of them or none.',
      access: 'chat',
      status: 204,
      body: ids,
      async handle({ caller, body, log }) {
        accountOf(caller);
        if (!(await chats.remove(caller.id, body.ids, 'free')))
          throw new AppError('not_found', 'There is no such conversation.');
        // The conversations are removed already. Pictures that stay behind cost space only, so the call succeeds.
        const gone = body.ids.map((chatId) => objects.removeUnder(`${caller.id}/${chatId}`));
        for (const outcome of await Promise.allSettled(gone))
          if (outcome.status === 'rejected')
            log.error({ err: outcome.reason }, 'pictures could not be removed');
        return {};
      },
    }),
  ];
}

/** The messages come with the request, as with /chat/send: the client holds the conversation. */
function titleRoute(parts: SayParts & Pick<Parts, 'config'>, path: string): Route {
  return route({
    method: 'POST',
    path,
    summary: 'Lets the model give the conversation a title.',
    access: 'chat',
    status: 201,
    exactFields,
    body: sayBody,
    bodyMaxBytes: parts.config.limits.imageMaxBytes,
    answer: nothing,
    async handle(call) {
      const { chat, model, messages, contents } = await readSaying(parts, call);
      const said = messages.map((message) => ({ role: message.role, text: saidTextOf(message.said) }));
      const shown = await Promise.all(messages.map((message) => contents.forModel(message.said)));
      const pictures = shown.flat().filter((part) => part.type === 'image');
      const { title } = await makeTitle(model, said, pictures, goneSignal(call.response));
      // The answer of this call has no model_config_id (contract 4).
      const { model_config_id: _, ...titled } = conversationOf(await parts.chats.change(chat.id, { title }));
      return titled;
    },
  });
}

/** Throws `not_found` unless the owner has this model configuration. */
async function checkConfig(
  { modelConfigs }: Pick<Parts, 'modelConfigs'>,
  owner: string,
  configId: number,
): Promise<void> {
  if (!(await modelConfigs.find(owner, configId)))
    throw new AppError('not_found', 'There is no such model configuration.');
}
