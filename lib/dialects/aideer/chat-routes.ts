import { may } from '../../accounts/permissions.ts';
import type { NewChatMessage } from '../../chats/chats.ts';
import { AppError } from '../../errors.ts';
import { route, type Call, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { Refusal } from '../refusal.ts';
import { formatChat, ownChat, pictureIn, picturesOf } from './chat-shape.ts';
import { usablePreset } from './preset-routes.ts';
import {
  anything,
  list,
  message,
  messages,
  sortedPageOf,
  sortedPageQuery,
  readMessages,
  refuseChanges,
  title,
} from './shapes.ts';

const visibility = { enum: ['private', 'shared'] } as const;
/** Fields of a chat that only the server sets. */
const fixed = {
  id: { type: 'string' },
  owner_id: { type: 'integer' },
  preset_id: { type: 'string' },
} as const;

const renamed = { title: 'This morning' } as const;

/** The chats of a user. Each is in the scene of a preset. */
export function createSceneChatRoutes(
  parts: Pick<Parts, 'accounts' | 'chats' | 'config' | 'objects' | 'presets'>,
): Route[] {
  const { chats, objects } = parts;
  // A client may fill a chat at once, with earlier messages. Their times are those of this moment.
  const read = (
    given: Parameters<typeof readMessages>[0] | undefined,
    call: Pick<Call, 'caller' | 'origin'>,
    known?: ReadonlySet<string>,
  ): NewChatMessage[] =>
    readMessages(given ?? [], Date.now(), (url) => pictureIn(parts, url, { ...call, known }));

  return [
    // The messages come with the list (contract 5: a chat has its messages). They are read in one query for the whole page.
    route({
      method: 'GET',
      path: '/chats',
      summary: "The caller's chats.",
      access: 'look',
      query: sortedPageQuery,
      answer: list,
      async handle(call) {
        accountOf(call.caller);
        const found = await chats.list(call.caller.id, 'preset', sortedPageOf(call.query));
        const said = await chats.messagesOf(found.map(({ id }) => id));
        return Promise.all(found.map((chat) => formatChat(parts, chat, said.get(chat.id) ?? [], call)));
      },
    }),
    // A visitor (permission 0) reads only. An unknown preset is 400, not 404: the fault is in the body.
    route({
      method: 'POST',
      path: '/chats',
      summary: 'Creates a chat in the scene of a preset.',
      access: 'chat',
      body: {
        type: 'object',
        required: ['preset_id', 'title'],
        examples: [{ preset_id: 'the id of a preset', title: 'This evening' }],
        properties: { preset_id: { type: 'string' }, title, visibility, messages },
      },
      answer: anything,
      async handle(call) {
        const { caller, body } = call;
        accountOf(caller);
        const preset = await usablePreset(parts, body.preset_id, caller);
        if (!preset) throw new Refusal(400, 'There is no such preset.');
        const first = read(body.messages, call);
        const chat = await chats.create({
          owner: caller.id,
          title: body.title,
          presetId: preset.id,
          visibility: body.visibility ?? 'private',
          messages: first,
        });
        return formatChat(parts, chat, await chats.messages(chat.id), call);
      },
    }),
    // A reader of a shared chat goes on in a copy of it, so that two users never write into one chat (contract 5). A visitor
    // writes nothing, and gets no copy.
    route({
      method: 'GET',
      path: '/chats/:id',
      summary: "A chat. For another user's shared chat, the caller's own copy, which is made once.",
      access: 'look',
      answer: anything,
      async handle(call) {
        const { caller, params } = call;
        accountOf(caller);
        let chat = await chats.find({ uuid: params.id });
        if (!chat || chat.presetId === null) throw new AppError('not_found', 'There is no such chat.');
        if (chat.owner !== caller.id) {
          if (chat.visibility !== 'shared') throw new AppError('forbidden', 'The chat is somebody else’s.');
          if (!may(caller, 'chat')) {
            const owner = await parts.accounts.users.find(chat.owner);
            const shown = await formatChat(parts, chat, await chats.messages(chat.id), call);
            return { ...shown, owner_id: owner?.id ?? null };
          }
          chat = await chats.copy(chat, caller.id);
        }
        return formatChat(parts, chat, await chats.messages(chat.id), call);
      },
    }),
    // Messages with visibility false are the scene's, and no client sees them. They stay; a client that knows
    // them and sends them back does not add them again.
    route({
      method: 'PUT',
      path: '/chats/:id',
      summary: 'Changes a chat. Its messages replace the visible ones.',
      access: 'chat',
      body: { type: 'object', examples: [renamed], properties: { title, visibility, messages, ...fixed } },
      answer: anything,
      async handle(call) {
        const { caller, params, body } = call;
        const { id, uuid, presetId } = await ownChat(parts, params.id, caller);
        refuseChanges(body, { id: uuid, owner_id: accountOf(caller).number, preset_id: presetId });
        if (body.messages) {
          // A copy of a shared chat has pictures of another user.
          const known = picturesOf(await chats.messages(id));
          await chats.replaceVisible(id, read(body.messages, call, known));
        }
        const { title: name, visibility: seenBy } = body;
        const chat = await chats.change(id, {
          ...(name !== undefined && { title: name }),
          ...(seenBy !== undefined && { visibility: seenBy }),
        });
        return formatChat(parts, chat, await chats.messages(id), call);
      },
    }),
    route({
      method: 'DELETE',
      path: '/chats/:id',
      summary: 'Removes a chat with its pictures.',
      access: 'chat',
      answer: message,
      async handle({ caller, params, log }) {
        const { id } = await ownChat(parts, params.id, caller);
        await chats.remove(caller.id, [id], 'preset');
        // The chat is gone already. A picture that stays behind costs space only, so the call succeeds without it.
        await objects
          .removeUnder(`${caller.id}/${id}`)
          .catch((error: unknown) => log.error({ err: error }, 'pictures could not be removed'));
        return { message: 'The chat is removed.' };
      },
    }),
  ];
}
