import { randomUUID } from 'node:crypto';
import { AppError } from '../../errors.ts';
import { pictureSuffixes } from '../../files/picture-types.ts';
import { route, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import { openContents, type Said } from './content.ts';
import { findConversation, sayBody } from './say.ts';
import { send, type SendParts } from './send.ts';
import { exactFields, id } from './shapes.ts';

/** How long an address for an upload is valid (contract 4). */
const UPLOAD_SECONDS = 300;
const SUFFIXES_MAX_COUNT = 50;

/** The calls to talk in a conversation, to read its messages, and to upload pictures. */
export function createChatRoutes(parts: SendParts): Route[] {
  const { chats, objects, config } = parts;
  return [
    // The picture goes from the browser to the object store, not through this server. The key holds the user's id, so that
    // nobody signs for others.
    route({
      method: 'POST',
      path: '/chat/get_upload_presigned_url',
      summary: 'Makes URLs for the upload of pictures.',
      access: 'chat',
      body: {
        type: 'object',
        required: ['conversation_id', 'suffixes'],
        examples: [{ conversation_id: 1, suffixes: ['png'] }],
        properties: {
          conversation_id: id,
          suffixes: { type: 'array', items: { type: 'string' }, maxItems: SUFFIXES_MAX_COUNT },
          sizes: {
            type: 'array',
            items: { type: 'integer', minimum: 1, maximum: config.limits.imageMaxBytes },
            maxItems: SUFFIXES_MAX_COUNT,
            description: 'the bytes of each picture: its URL takes a body of this size only',
          },
        },
      },
      answer: {
        type: 'object',
        required: ['urls'],
        properties: { urls: { type: 'array', items: { type: 'string' } } },
      },
      async handle({ caller, body, origin }) {
        accountOf(caller);
        const { id: chatId } = await findConversation(parts, caller.id, body.conversation_id);
        // Clients send `png` or `.png`.
        const suffixes = body.suffixes.map((text) => text.replace(/^\./, '').toLowerCase());
        const bad = suffixes.find((suffix) => !pictureSuffixes.includes(suffix));
        if (bad !== undefined)
          throw new AppError(
            'invalid_request',
            `"${bad.slice(0, 20)}" is not the ending of a picture: ${pictureSuffixes.join(', ')}.`,
          );
        const { sizes } = body;
        if (sizes && sizes.length !== suffixes.length)
          throw new AppError('invalid_request', 'sizes has one number for each of suffixes, in their order.');
        const urls = suffixes.map((suffix, index) =>
          objects.sign({
            method: 'PUT',
            key: `${caller.id}/${chatId}/images/${randomUUID()}.${suffix}`,
            seconds: UPLOAD_SECONDS,
            origin,
            bytes: sizes?.[index],
          }),
        );
        return { urls: await Promise.all(urls) };
      },
    }),
    // Pictures are stored by their keys. The client gets an address that is signed for a while.
    route({
      method: 'GET',
      path: '/chat/:id',
      summary: 'Lists the messages of a conversation.',
      access: 'look',
      answer: { type: 'object', required: ['messages'], properties: { messages: { type: 'array' } } },
      async handle({ caller, params, origin }) {
        accountOf(caller);
        // A larger number is out of the range of the database, whose error would be a failure of the server.
        if (!/^[1-9]\d{0,9}$/.test(params.id) || Number(params.id) > id.maximum)
          throw new AppError('invalid_request', 'The id of a conversation is a whole number.');
        const chat = await findConversation(parts, caller.id, Number(params.id));
        const contents = openContents(objects, caller.id, origin);
        const messages = (await chats.messages(chat.id)).map(async (message) => ({
          message_id: message.id,
          role: message.role,
          content: await contents.forClient(message.content as Said),
          timestamp: new Date(message.createdAt).toISOString(),
        }));
        return { messages: await Promise.all(messages) };
      },
    }),
    route({
      method: 'POST',
      path: '/chat/send',
      keepsAnswer: true,
      summary: 'Says something; the answer is a stream of JSON lines, of server-sent events, or of text.',
      access: 'chat',
      exactFields,
      body: sayBody,
      // A message may have a picture as a data URL.
      bodyMaxBytes: config.limits.imageMaxBytes,
      handle: (call) => send(parts, call),
    }),
  ];
}
