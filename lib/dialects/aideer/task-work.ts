import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Preset, PresetMessage } from '../../agents/presets.ts';
import { endpointOf } from '../../agents/vendors.ts';
import type { Chat } from '../../chats/chats.ts';
import type { ChatTask } from '../../chats/tasks.ts';
import type { TaskWork } from '../../chats/task-run.ts';
import { makeTitle } from '../../chats/title.ts';
import type { ModelConfig, ModelMessage } from '../../core/model.ts';
import { estimateTokens } from '../../core/tokens.ts';
import { ModelError } from '../../errors.ts';
import type { Parts } from '../dialect.ts';
import { suffixOfPicture } from '../../files/pictures.ts';
import { Refusal } from '../refusal.ts';
import { storedMessageOf, ownPicture, urlOf } from './chat-shape.ts';

/** A task that can begin: its cost and its work. */
export interface PreparedTask {
  type: ChatTask['type'];
  /** The credits for one token. */
  rate: number;
  /** An estimate: the endpoint counts the tokens at the end. */
  promptTokens: number;
  /** The most that the answer may have. With the prompt and the rate it is the most that the task costs. */
  maxTokens: number;
  work: TaskWork;
}

/** The parts that are needed to work on a task. */
export type TaskParts = Pick<Parts, 'chats' | 'presets' | 'objects' | 'config' | 'models' | 'pictures'>;

/** A title is short. */
const TITLE_MAX_TOKENS = 100;

/** Prepares a task from its chat and preset. Throws a Refusal 422 unless the chat has a message of the user. */
export async function prepareTask(
  parts: TaskParts,
  chat: Chat,
  wanted: ChatTask['type'] | undefined,
  origin: string,
): Promise<PreparedTask> {
  const { chats, presets, objects, config } = parts;
  // A preset that was removed goes on for its chats.
  const preset = await presets.find(chat.presetId ?? '');
  if (!preset) throw new Refusal(400, 'There is no such preset.');
  const type = wanted ?? 'chat_generation';
  const stored = await chats.messages(chat.id);
  const shown = (said: readonly PresetMessage[]) =>
    Promise.all(said.map(async (one) => ({ ...one, content: await urlOf(objects, one, origin) })));
  const inChat = await shown(stored.map(storedMessageOf));
  // A title may also follow the answer.
  const asked =
    type === 'title_generation' ? inChat.some(({ role }) => role === 'user') : inChat.at(-1)?.role === 'user';
  if (!asked) throw new Refusal(422, 'First the user’s message must be in the chat, as its last one.');
  const said = [...(await shown(preset.messages)), ...inChat];
  const { model, max_tokens: maxTokens } = preset.parameters;
  const cost = {
    type,
    // A model that is not in the table has the rate 1 (contract 5).
    rate: config.creditRates[model] ?? 1,
    promptTokens: Math.ceil(said.reduce((sum, { content }) => sum + estimateTokens(content), 0)),
    maxTokens: type === 'title_generation' ? TITLE_MAX_TOKENS : maxTokens,
  };
  if (type === 'title_generation') return { ...cost, work: titleWork(parts, preset, chat, inChat) };
  if (type === 'image_generation') return { ...cost, work: pictureWork(parts, preset, chat, inChat) };
  return { ...cost, work: answerWork(parts, preset, chat, said) };
}

/** The model of a preset at its vendor's endpoint. Parameters without a name here go there as they are (DashScope's names). */
function configOf({ config }: Pick<Parts, 'config'>, { parameters }: Preset): ModelConfig {
  const { model, max_tokens: maxTokens, temperature, top_p: topP, ...extra } = parameters;
  return {
    ...endpointOf(model, config.vendors),
    maxTokens,
    ...(typeof temperature === 'number' && { temperature }),
    ...(typeof topP === 'number' && { topP }),
    extra,
  };
}

/** The answer to the whole chat, after the messages of its preset. */
function answerWork(parts: TaskParts, preset: Preset, chat: Chat, said: readonly PresetMessage[]): TaskWork {
  return async (signal, say) => {
    const model = parts.models.open(configOf(parts, preset), { party: chat.owner });
    const reply = await model.reply(
      { messages: said.map(toModel), tools: [] },
      { signal, onDelta: (piece) => say(piece) },
    );
    return { content: reply.text, complete: true, ...counted(reply.completion.usage.totalTokens) };
  };
}

/** A title for the chat. Hidden messages are the scene's, and pictures have no words: both are left out. */
function titleWork(parts: TaskParts, preset: Preset, chat: Chat, said: readonly PresetMessage[]): TaskWork {
  return async (signal) => {
    const config = { ...configOf(parts, preset), maxTokens: TITLE_MAX_TOKENS };
    const model = parts.models.open(config, { party: chat.owner });
    const texts = said.filter(({ type, visible }) => type === 'text' && visible);
    const { title, tokens } = await makeTitle(
      model,
      texts.map(({ role, content }) => ({ role, text: content })),
      [],
      signal,
    );
    return { content: title, complete: true, title, ...counted(tokens) };
  };
}

/** A picture of the last message, with the texts of the preset as hints. An answer with a URL is kept as that URL. */
function pictureWork(parts: TaskParts, preset: Preset, chat: Chat, said: readonly PresetMessage[]): TaskWork {
  return async (signal) => {
    const prompt = said.at(-1)?.content ?? '';
    const hints = preset.messages.filter(({ type }) => type === 'text').map(({ content }) => content);
    const { model, baseUrl, apiKey } = configOf(parts, preset);
    const place = { ...(baseUrl !== undefined && { baseUrl }), ...(apiKey !== undefined && { apiKey }) };
    const picture = await parts.pictures.draw(
      { ...(model !== undefined && { model }), ...place },
      [...hints, prompt].join('\n'),
      signal,
      chat.owner,
    );
    const content = 'url' in picture ? picture.url : ownPicture(await keep(parts, chat, picture.bytes));
    return { content: '', complete: true, picture: content, ...counted(picture.tokens ?? 0) };
  };
}

/** Stores a picture that an endpoint has sent as bytes, and returns its key. */
async function keep(
  { objects, config }: Pick<Parts, 'objects' | 'config'>,
  chat: Chat,
  bytes: Buffer,
): Promise<string> {
  const suffix = await suffixOfPicture(bytes);
  if (suffix === undefined) throw new ModelError('the model endpoint sent bytes that are no picture');
  const key = `${chat.owner}/${chat.id}/images/${randomUUID()}.${suffix}`;
  await objects.write(Readable.from([bytes]), config.limits.imageMaxBytes, key);
  return key;
}

function toModel({ role, type, content }: PresetMessage): ModelMessage {
  if (role === 'system') return { role, text: content };
  // The model's own messages are text only (core/model.ts).
  if (role === 'assistant')
    return { role, text: type === 'image' ? `[picture: ${content}]` : content, calls: [] };
  return { role, content: [type === 'image' ? { type, url: content } : { type, text: content }] };
}

/** The tokens, if the endpoint has counted them. Without them the task's end estimates its cost. */
function counted(tokens: number): { tokens?: number } {
  return tokens > 0 ? { tokens } : {};
}
