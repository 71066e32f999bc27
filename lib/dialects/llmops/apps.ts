import { requirePermission } from '../../accounts/permissions.ts';
import { withKeptKeys } from '../../agents/kept-keys.ts';
import type { AgentApp, AppVersion } from '../../agents/apps.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { checkDocuments } from '../documents.ts';
import { checkPrompt } from '../prompt-limit.ts';
import { success } from './answer.ts';
import { configSchema, inWireWords, toDraft, toModelConfig } from './model-config.ts';
import { pageAnswer, numberedPageOf, numberedPageQuery } from './page.ts';
import { secondsOf } from '../unix-time.ts';
import { appShape, idShape, pageShape, successShape } from './shapes.ts';

/** In characters (contract 3). */
const NAME_MAX_LENGTH = 40;

/** A new app. The limits of length are the contract's; a NUL character is refused, because PostgreSQL cannot store one. */
const newApp = {
  type: 'object',
  examples: [
    { name: 'Lights', icon: 'https://agent.example/lamp.png', description: 'It looks after the lights.' },
  ],
  required: ['name', 'icon'],
  properties: {
    name: {
      type: 'string',
      maxLength: NAME_MAX_LENGTH,
      pattern: '^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$',
      description: 'a text of 1 to 40 characters',
    },
    icon: {
      type: 'string',
      maxLength: 2000,
      pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/\\u0000][^\\s\\u0000]*$',
      description: 'an http or https URL',
    },
    description: {
      type: 'string',
      maxLength: 800,
      pattern: '^[^\\u0000]*$',
      description: 'a text of at most 800 characters',
    },
  },
} as const;

type AppParts = Pick<Parts, 'agents' | 'sessions' | 'config' | 'checkAgent'>;

/** Apps and their configurations (contract 3). */
export function createAppRoutes(parts: AppParts): Route[] {
  return [
    createApp(parts),
    listApps(parts),
    readApp(parts),
    renameApp(parts),
    copyApp(parts),
    updateConfig(parts, 'POST'),
    updateConfig(parts, 'PUT'),
    publish(parts),
    cancelPublish(parts),
    removeApp(parts),
  ];
}

/** Not in the seed, which has no way to make an app. */
function createApp({ agents: { apps } }: AppParts): Route {
  return route({
    method: 'POST',
    path: '/apps',
    summary: 'Makes an app.',
    access: 'make an app',
    body: newApp,
    answer: successShape(idShape),
    async handle({ body: { name, icon, description = '' }, caller }) {
      const id = await apps.create({ name, icon, description }, caller);
      return success({ id });
    },
  });
}

/** Pages are numbered from 1. `created_at` fixes the moment of the first page, so that new apps do not move the others. */
function listApps({ agents: { apps } }: AppParts): Route {
  return route({
    method: 'GET',
    path: '/apps',
    summary: "A page of the caller's apps, newest first.",
    access: 'look',
    query: numberedPageQuery,
    answer: successShape(pageShape(appShape)),
    async handle({ query, caller }) {
      const page = numberedPageOf(query);
      const { before, offset, size: limit } = page;
      const { apps: found, total } = await apps.list(caller, { before, offset, limit });
      return success(pageAnswer(await Promise.all(found.map(appAnswer)), page, total));
    },
  });
}

/** Keys inside model_config are masked. A client may send a mask back: the stored key stays then. */
function readApp({ agents: { apps } }: AppParts): Route {
  return route({
    method: 'GET',
    path: '/apps/:app_id',
    summary: 'An app with its draft and its published configuration.',
    access: 'look at an app',
    app: 'app_id',
    answer: successShape(appShape),
    async handle({ params, caller }) {
      return success(await appAnswer(await apps.find(params.app_id, caller)));
    },
  });
}

/** Clients send the whole app or the fields that changed. */
function renameApp({ agents: { apps } }: AppParts): Route {
  return route({
    method: 'POST',
    path: '/apps/:app_id',
    summary: 'Changes the name, the icon or the description of an app.',
    access: 'make an app',
    app: 'app_id',
    body: { type: 'object', examples: [{ name: 'Lights upstairs' }], properties: newApp.properties },
    answer: successShape(),
    async handle({ params, body, caller }) {
      await apps.change(params.app_id, caller, body);
      return success();
    },
  });
}

/** The copy has the draft of the original, else its published configuration. It has no conversation and is not published. */
function copyApp({ agents: { apps }, config }: AppParts): Route {
  return route({
    method: 'POST',
    path: '/apps/:app_id/copy',
    summary: "Makes a copy of an app, with its configuration as the copy's draft.",
    access: 'make an app',
    app: 'app_id',
    answer: successShape(idShape),
    async handle({ params, caller }) {
      const original = await apps.find(params.app_id, caller);
      const { name, icon, description, draft, published } = original;
      const version = draft ?? published;
      const copied = await version?.open();
      // The copy is a new app with these documents, so the right is checked anew.
      checkDocuments(caller, copied?.documents, config.documents);
      const id = await apps.create({ name: nameOfCopy(name), icon, description }, caller);
      if (version && copied)
        await inWireWords(() => apps.saveDraft(id, caller, { config: copied, remembers: version.remembers }));
      return success({ id });
    },
  });
}

/** The name of an app's copy, as long as a name may be. */
function nameOfCopy(name: string): string {
  const end = ' (copy)';
  // By characters: a cut in the middle of one would leave no valid text.
  return `${Array.from(name)
    .slice(0, NAME_MAX_LENGTH - end.length)
    .join('')}${end}`;
}

/** Copies the draft. Later changes of the draft leave the published copy as it is. */
function publish({ agents: { apps }, checkAgent }: AppParts): Route {
  return route({
    method: 'POST',
    path: '/apps/:app_id/publish',
    summary: "Publishes an app's draft.",
    access: 'make an app',
    app: 'app_id',
    answer: successShape(),
    async handle({ params, caller }) {
      const { draft } = await apps.find(params.app_id, caller);
      // A draft of an earlier release was never checked.
      if (draft) await inWireWords(async () => checkAgent(await draft.open(), caller.id));
      await apps.publish(params.app_id, caller);
      return success();
    },
  });
}

/** The app stays, and its draft too; published_app_config is null afterwards. */
function cancelPublish({ agents: { apps } }: AppParts): Route {
  return route({
    method: 'POST',
    path: '/apps/:app_id/publish/cancel',
    summary: 'Cancels the publication of an app.',
    access: 'make an app',
    app: 'app_id',
    answer: successShape(),
    async handle({ params, caller }) {
      await apps.unpublish(params.app_id, caller);
      return success();
    },
  });
}

/** The tasks are stopped, because nobody could stop them later: the app is the only way to its conversation. */
function removeApp({ agents: { apps }, sessions }: AppParts): Route {
  return route({
    method: 'POST',
    path: '/apps/:app_id/delete',
    summary: 'Deletes an app, and stops its tasks.',
    access: 'make an app',
    app: 'app_id',
    answer: successShape(),
    async handle({ params, caller }) {
      const { id, conversationId } = await apps.find(params.app_id, caller);
      await apps.remove(id, caller);
      if (conversationId !== undefined && (await sessions.exists(conversationId)))
        await (await sessions.find(conversationId, caller)).stop();
      return success();
    },
  });
}

/** The seed's clients send PUT, others POST. */
function updateConfig({ agents: { apps }, config, checkAgent }: AppParts, method: 'POST' | 'PUT'): Route {
  return route({
    method,
    path: '/apps/:app_id/config',
    summary: "Updates an app's draft, or makes one.",
    access: 'make an app',
    app: 'app_id',
    body: configSchema,
    bodyMaxBytes: config.limits.deviceMaxBytes,
    exactFields: 'unnamed if small', // they are the client's, and come back to it
    answer: successShape(),
    async handle({ params, body, caller }) {
      const id = params.app_id;
      const app = await apps.find(id, caller); // a caller who may not change the app learns nothing about the change
      const draft = toDraft(body);
      checkDocuments(caller, draft.config.documents, config.documents);
      if (draft.config.devices?.length) requirePermission(caller, 'use a device', params.app_id);
      checkPrompt(
        draft.config.systemPrompt,
        config.limits.systemPromptMaxBytes,
        '/model_config/systemPrompt',
      );
      await inWireWords(async () => {
        // A configuration that cannot work is refused now, and not only with the first question.
        await checkAgent(withKeptKeys(draft.config, await app.draft?.open()), caller.id);
        await apps.saveDraft(id, caller, draft);
      });
      return success({}, '更新AI应用配置成功');
    },
  });
}

/** An app on the wire: every field is there, null where there is nothing, times in unix seconds. */
async function appAnswer(app: AgentApp): Promise<object> {
  return {
    id: app.id,
    name: app.name,
    icon: app.icon,
    description: app.description,
    published_app_config_id: app.published?.id ?? null,
    drafted_app_config_id: app.draft?.id ?? null,
    debug_conversation_id: app.conversationId ?? null,
    published_app_config: await configAnswer(app.published, 'published'),
    drafted_app_config: await configAnswer(app.draft, 'drafted'),
    updated_at: secondsOf(app.updatedAt),
    created_at: secondsOf(app.createdAt),
  };
}

/** A configuration on the wire; null when the app has none of this kind. */
async function configAnswer(
  version: AppVersion | undefined,
  status: 'drafted' | 'published',
): Promise<object | null> {
  if (!version) return null;
  return {
    id: version.id,
    model_config: toModelConfig(await version.open()),
    memory_mode: version.remembers ? 'long_term_memory' : 'none',
    status,
    updated_at: secondsOf(version.updatedAt),
    created_at: secondsOf(version.createdAt),
  };
}
