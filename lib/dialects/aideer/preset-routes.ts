import { may, requirePermission } from '../../accounts/permissions.ts';
import type { NewPreset, Preset } from '../../agents/presets.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { refuseFaults } from '../../server/intake.ts';
import { route, type Call, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import { pictureIn, picturesOf, urlOf } from './chat-shape.ts';
import type { Parts } from '../dialect.ts';
import {
  anything,
  formatChatMessage,
  list,
  message,
  messages,
  sortedPageOf,
  sortedPageQuery,
  storable,
  readMessages,
  refuseChanges,
  timeOf,
  title,
} from './shapes.ts';

/** The fields of a request to a model, with DashScope's names. */
const parameters = {
  type: 'object',
  properties: {
    model: { type: 'string', minLength: 1, maxLength: 100, pattern: storable },
    seed: { type: 'integer', minimum: 0, maximum: 2 ** 63 },
    max_tokens: { type: 'integer', minimum: 1, maximum: 2000 },
    top_p: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    top_k: { type: 'integer', minimum: 0, maximum: 1000 },
    repetition_penalty: { type: 'number', exclusiveMinimum: 0, maximum: 10 },
    frequency_penalty: { type: 'number', minimum: -2, maximum: 2 },
    presence_penalty: { type: 'number', minimum: -2, maximum: 2 },
    temperature: { type: 'number', minimum: 0, exclusiveMaximum: 2 },
  },
} as const;
/** A seed may have more digits than a JavaScript number holds. */
const exactFields = ['seed'];
/** The schema's bound is a JavaScript number, which is 2^63: `checkSeed` has the exact one. */
const SEED_MAX = 2n ** 63n - 1n;
/** The contract's (contract 5). */
const defaults = { max_tokens: 1500, top_p: 0.5, repetition_penalty: 1.1, temperature: 0.85 };

const fields = {
  title,
  description: { type: 'string', maxLength: 255, pattern: storable },
  type: { enum: ['chat_generation', 'image_generation'] },
  visibility: { enum: ['private', 'unlisted', 'public'] },
  messages,
  parameters,
} as const;
const examplePreset = {
  title: 'Lights',
  description: 'A talk about the lights',
  messages: [{ role: 'system', content: 'You look after the lights.', visibility: false }],
  parameters: { temperature: 0.2 },
} as const;
/** Fields that only the server sets. */
const fixed = { id: { type: 'string' }, owner_id: { type: 'integer' } } as const;

/** The presets: scenes for chats. */
export function createPresetRoutes(
  parts: Pick<Parts, 'presets' | 'accounts' | 'config' | 'objects'>,
): Route[] {
  const { presets, accounts, config, objects } = parts;

  /** Hidden messages are for the model, and for those who may change the preset. */
  async function format(preset: Preset, { caller, origin }: Pick<Call, 'caller' | 'origin'>) {
    const owner = await accounts.users.find(preset.owner);
    const mayChange = preset.owner === caller.id || may(caller, 'manage presets');
    const shown = preset.messages.filter(({ visible }) => visible || mayChange);
    return {
      id: preset.id,
      // Null when the owner was removed: a preset stays for the chats of others.
      owner_id: owner?.id ?? null,
      title: preset.title,
      description: preset.description,
      type: preset.type,
      visibility: preset.visibility,
      messages: await Promise.all(
        shown.map(async (one) => formatChatMessage({ ...one, content: await urlOf(objects, one, origin) })),
      ),
      parameters: preset.parameters,
      create_time: timeOf(preset.createdAt),
      update_time: timeOf(preset.updatedAt),
    };
  }

  const read = (
    given: Parameters<typeof readMessages>[0],
    call: Pick<Call, 'caller' | 'origin'>,
    known?: ReadonlySet<string>,
  ) => readMessages(given, Date.now(), (url) => pictureIn(parts, url, { ...call, known }));

  /** Public presets are the admins' (contract 5). */
  function checkVisibility(caller: Principal, visibility: NewPreset['visibility'] | undefined): void {
    if (visibility === 'public') requirePermission(caller, 'manage presets');
  }

  /** A preset that the caller may change. */
  async function mine(id: string, caller: Principal): Promise<Preset> {
    const preset = await presets.find(id);
    if (!preset || preset.removed) throw noSuchPreset();
    if (preset.owner === caller.id || may(caller, 'manage presets')) return preset;
    throw new AppError('forbidden', 'The preset is somebody else’s.');
  }

  return [
    route({
      method: 'GET',
      path: '/presets',
      summary: "The caller's presets and the public ones.",
      access: 'look',
      query: sortedPageQuery,
      answer: list,
      async handle(call) {
        const { caller, query } = call;
        accountOf(caller);
        const found = await presets.list(caller.id, sortedPageOf(query));
        return Promise.all(found.map((preset) => format(preset, call)));
      },
    }),
    route({
      method: 'POST',
      path: '/presets',
      summary: 'Creates a preset.',
      access: 'chat',
      exactFields,
      body: { type: 'object', required: ['title'], examples: [examplePreset], properties: fields },
      answer: anything,
      async handle(call) {
        const { caller, body } = call;
        accountOf(caller);
        checkVisibility(caller, body.visibility);
        checkSeed(body.parameters);
        const preset = {
          title: body.title,
          description: body.description ?? null,
          type: body.type ?? 'chat_generation',
          visibility: body.visibility ?? 'private',
          messages: read(body.messages ?? [], call),
          parameters: { model: config.model.model, ...defaults, ...body.parameters },
        } as const;
        return format(await presets.create(caller.id, preset), call);
      },
    }),
    route({
      method: 'GET',
      path: '/presets/:id',
      summary: 'A preset that the caller may use.',
      access: 'look',
      answer: anything,
      async handle(call) {
        const preset = await usablePreset(parts, call.params.id, call.caller);
        if (!preset) throw noSuchPreset();
        return format(preset, call);
      },
    }),
    route({
      method: 'PUT',
      path: '/presets/:id',
      summary: 'Changes a preset.',
      access: 'chat',
      exactFields,
      body: {
        type: 'object',
        examples: [{ title: 'Lights upstairs' }],
        properties: { ...fields, ...fixed },
      },
      answer: anything,
      async handle(call) {
        const { caller, params, body } = call;
        const preset = await mine(params.id, caller);
        const owner = await accounts.users.find(preset.owner);
        refuseChanges(body, { id: preset.id, owner_id: owner?.id ?? null });
        checkVisibility(caller, body.visibility);
        checkSeed(body.parameters);
        const { messages: said, parameters: more, id: _, owner_id: __, ...changes } = body;
        return format(
          await presets.change(preset.id, {
            ...changes,
            ...(said && { messages: read(said, call, picturesOf(preset.messages)) }),
            // Parameters that the body leaves out stay.
            ...(more && { parameters: { ...preset.parameters, ...more } }),
          }),
          call,
        );
      },
    }),
    route({
      method: 'DELETE',
      path: '/presets/:id',
      summary: 'Removes a preset; chats that use it go on.',
      access: 'chat',
      answer: message,
      async handle({ caller, params }) {
        await presets.remove((await mine(params.id, caller)).id);
        return { message: 'The preset is removed.' };
      },
    }),
  ];
}

/** A preset that the caller may use; undefined when there is none. Throws `forbidden` for another user's private preset. */
export async function usablePreset(
  { presets }: Pick<Parts, 'presets'>,
  id: string,
  caller: Principal,
): Promise<Preset | undefined> {
  const preset = await presets.find(id);
  if (!preset || preset.removed) return undefined;
  if (preset.visibility !== 'private' || preset.owner === caller.id || may(caller, 'manage presets'))
    return preset;
  throw new AppError('forbidden', 'The preset is somebody else’s.');
}

/** The schema has the seed as the nearest number. */
function checkSeed(given: { seed?: number | bigint } = {}): void {
  if (given.seed !== undefined && BigInt(given.seed) > SEED_MAX)
    refuseFaults('body', [{ pointer: '/parameters/seed', detail: `must be <= ${SEED_MAX}` }]);
}

function noSuchPreset(): AppError {
  return new AppError('not_found', 'There is no such preset.');
}
