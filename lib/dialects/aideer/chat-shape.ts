import type { PresetMessage } from '../../agents/presets.ts';
import type { Chat, ChatMessage } from '../../chats/chats.ts';
import type { JsonValue } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { formatChatMessage, timeOf } from './shapes.ts';

/** The prefix of one of our objects in the content of a message. */
const OBJECT = 'object:';
/** How long the URL of a picture is valid. A client that keeps a chat for longer reads it again. */
const URL_SECONDS = 3600;

/** A chat of the caller. Throws `not_found`, and `forbidden` for another user's chat. */
export async function ownChat(
  { chats }: Pick<Parts, 'chats'>,
  uuid: string,
  caller: Principal,
): Promise<Chat> {
  accountOf(caller);
  const chat = await chats.find({ uuid });
  if (!chat || chat.presetId === null) throw new AppError('not_found', 'There is no such chat.');
  if (chat.owner !== caller.id) throw new AppError('forbidden', 'The chat is somebody else’s.');
  return chat;
}

/** A chat as its owner sees it: without hidden messages. */
export async function formatChat(
  { objects }: Pick<Parts, 'objects'>,
  chat: Chat,
  said: readonly ChatMessage[],
  { caller, origin }: { caller: Principal; origin: string },
) {
  const shown = said
    .filter(({ visible }) => visible)
    .map(async (one) =>
      formatChatMessage({ ...storedMessageOf(one), content: await urlOf(objects, one, origin) }),
    );
  return {
    id: chat.uuid,
    // The caller is the owner. A visitor who looks at a shared chat is the exception (chat-routes.ts).
    owner_id: accountOf(caller).number,
    preset_id: chat.presetId,
    title: chat.title,
    visibility: chat.visibility,
    messages: await Promise.all(shown),
    create_time: timeOf(chat.createdAt),
    update_time: timeOf(chat.updatedAt),
  };
}

/** A message of a chat, with its stored content. */
export function storedMessageOf({ role, type, content, visible, createdAt }: ChatMessage): PresetMessage {
  return { role, type, content: textOf(content), visible, createdAt };
}

/** The content of a message. One of our pictures is a URL from which the client can read it. */
export async function urlOf(
  objects: Parts['objects'],
  { type, content }: Pick<ChatMessage, 'type' | 'content'>,
  origin: string,
): Promise<string> {
  const text = textOf(content);
  if (type !== 'image' || !text.startsWith(OBJECT)) return text;
  return objects.sign({ method: 'GET', key: text.slice(OBJECT.length), seconds: URL_SECONDS, origin });
}

function textOf(content: JsonValue): string {
  return typeof content === 'string' ? content : JSON.stringify(content);
}

/**
 * The stored content of a picture. The signed URL of an own picture, which is valid for an hour, becomes its key again; so does that
 * of a picture in `known`. Throws `not_found` for any other picture of this server.
 */
export function pictureIn(
  { objects }: Pick<Parts, 'objects'>,
  url: string,
  { caller, origin, known }: { caller: Principal; origin: string; known?: ReadonlySet<string> | undefined },
): string {
  const key = objects.keyOf(url, origin);
  if (key === undefined) return url;
  // A key of another user is taken only where the chat or the preset has it already.
  const picture = ownPicture(key);
  if (known?.has(picture) || (key.startsWith(`${caller.id}/`) && !key.includes('..'))) return picture;
  throw new AppError('not_found', 'There is no such picture.');
}

/** The contents of the pictures in messages. */
export function picturesOf(said: readonly Pick<ChatMessage, 'type' | 'content'>[]): ReadonlySet<string> {
  return new Set(said.flatMap((one) => (one.type === 'image' ? [textOf(one.content)] : [])));
}

/** The content of a message with one of our pictures. */
export function ownPicture(key: string): string {
  return `${OBJECT}${key}`;
}
