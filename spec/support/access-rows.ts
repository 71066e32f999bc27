import {
  anybody,
  fileForm,
  owner,
  users,
  usersWith,
  type AccessRequest,
  type AccessRow,
} from './access-row.ts';
import { goodPassword } from './accounts.ts';
import { openaiAccessRows } from './openai-access-rows.ts';
import { lampDocument } from './lamp.ts';
import type { Answer, Caller } from './threads.ts';

/** Devices belong to the server, so that each needs a name of its own. */
let devices = 0;

/** Makes things of one user, to be asked for by others. */
export interface Things {
  session(): Promise<string>;
  thread(): Promise<string>;
  /** A thread and a message of it. */
  message(): Promise<[thread: string, message: string]>;
  completion(): Promise<string>;
  response(): Promise<string>;
  /** A thread and a run in it. */
  run(): Promise<[thread: string, run: string]>;
  upload(): Promise<string>;
  file(): Promise<string>;
  app(): Promise<string>;
  /** An app, and a version of it that was published. */
  publication(): Promise<[app: string, version: string]>;
  modelConfig(): Promise<number>;
  conversation(): Promise<number>;
  /** The owner's number, and that of a new user. */
  me(): Promise<number>;
  somebody(): Promise<number>;
  preset(): Promise<string>;
  chat(): Promise<string>;
  /** A chat whose owner can pay for an answer. */
  chatWithCredits(): Promise<string>;
  task(): Promise<string>;
  code(): Promise<string>;
  /** A device that the server knows, and everybody may use. */
  device(): Promise<string>;
  /** A device under an emergency stop. */
  stoppedDevice(): Promise<string>;
}

/** The things of a caller; an admin gives what they cost. */
export function createThings(owner: Caller, admin: Caller): Things {
  let count = 0;
  async function make<Body>(path: string, body: unknown, as = owner): Promise<Body> {
    const answer: Answer = await as.call('POST', path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Body;
  }
  const idOf = async (path: string, body: unknown): Promise<string> =>
    (await make<{ id: string }>(path, body)).id;
  const things: Things = {
    session: () => idOf('/api/init', {}),
    thread: () => idOf('/v1/threads', {}),
    async message() {
      const thread = await things.thread();
      return [thread, await idOf(`/v1/threads/${thread}/messages`, { role: 'user', content: 'hi' })];
    },
    completion: () =>
      idOf('/v1/chat/completions', { store: true, messages: [{ role: 'user', content: 'hi' }] }),
    response: () => idOf('/v1/responses', { input: 'hi' }),
    async run() {
      const thread = await things.thread();
      return [thread, await idOf(`/v1/threads/${thread}/runs`, { assistant_id: 'default' })];
    },
    upload: () => idOf('/v1/uploads', { purpose: 'batch', filename: 'a', bytes: 0, mime_type: 'text/plain' }),
    file: () => idOf('/v1/files', fileForm()),
    async app() {
      const { data } = await make<{ data: { id: string } }>('/apps', {
        name: 'app',
        icon: 'https://a.example/i.png',
        description: '',
      });
      const config = { model_config: { dialog_round: 1 }, memory_mode: 'long_term_memory' };
      await make(`/apps/${data.id}/config`, config);
      return data.id;
    },
    async publication() {
      const app = await things.app();
      await make(`/apps/${app}/publish`, {});
      const { body } = await owner.call('GET', `/apps/${app}/publish-histories`);
      return [app, (body as { data: { list: [{ id: string }] } }).data.list[0].id];
    },
    async modelConfig() {
      const known = (await owner.call('GET', '/model_config')).body as { configs: { config_id: number }[] };
      const [first] = known.configs;
      return (
        first?.config_id ?? (await make<{ config_id: number }>('/model_config/create', modelConfig)).config_id
      );
    },
    async conversation() {
      const model_config_id = await things.modelConfig();
      const body = { model_config_id };
      return (await make<{ conversation_id: number }>('/conversation/create', body)).conversation_id;
    },
    me: async () => ((await owner.call('GET', '/api/v1/users/me')).body as { id: number }).id,
    async somebody() {
      const user = { username: `somebody-${(count += 1)}`, password: goodPassword };
      return (await make<{ id: number }>('/api/v1/users', user)).id;
    },
    preset: () => idOf('/api/v1/presets', { title: 'p' }),
    chat: async () =>
      idOf('/api/v1/chats', {
        preset_id: await things.preset(),
        title: 'c',
        messages: [{ role: 'user', type: 'text', content: 'hi' }],
      }),
    async task() {
      const chat_id = await things.chatWithCredits();
      return (await make<{ task_id: string }>('/api/v1/tasks', { chat_id })).task_id;
    },
    async chatWithCredits() {
      await make('/api/v1/users/me/credits', { redeem_code: await things.code() });
      return things.chat();
    },
    async device() {
      const name = `lamp-${process.pid}-${(devices += 1)}`;
      await make('/api/devices', deviceOf(name), admin);
      return name;
    },
    async stoppedDevice() {
      const device = await things.device();
      await make('/api/estop', { scope: { device } }, admin);
      return device;
    },
    code: async () =>
      (await make<{ redeem_code: string }>('/api/v1/codes', { value: 1_000_000 }, admin)).redeem_code,
  };
  return things;
}

const deviceOf = (name: string): object => ({ name, openSpec: lampDocument });

const modelConfig = {
  name: 'm',
  base_url: 'http://127.0.0.1:9/v1',
  model_name: 'm',
  api_key: 'sk-0123456789',
  params: {},
};

const session = (path: string): AccessRow =>
  owner(404, async (things) => ({ path: `/api/${path}?id=${await things.session()}` }));
/** The console's calls for one session. */
const listed = (body?: () => unknown): AccessRow =>
  owner(404, async (things) => ({ path: `/api/sessions/${await things.session()}`, ...(body && { body }) }));
const app = (more: string, body?: () => unknown): AccessRow =>
  owner(403, async (things) => ({ path: `/apps/${await things.app()}${more}`, ...(body && { body }) }));

/** What belongs to somebody under the prefix of AIDeer; some of it is the admins' too. */
function aideer(
  make: (things: Things) => Promise<string | number>,
  place: (id: string | number) => string,
  more: { body?: (id: string | number) => unknown; admins?: true } = {},
): AccessRow {
  const { body, admins } = more;
  const request = async (things: Things) => {
    const id = await make(things);
    return { path: `/api/v1/${place(id)}`, ...(body && { body: () => body(id) }) };
  };
  return { ...owner(403, request), ...(admins && { admins }) };
}

function aideerRows(): Record<string, AccessRow> {
  const admins = true as const;
  const ofAdmins = (
    make: (things: Things) => Promise<string | number>,
    place: string,
    body?: () => unknown,
  ): AccessRow => ({
    who: 'admins',
    request: async (things) => ({
      path: `/api/v1/${place.replace('*', String(await make(things)))}`,
      ...(body && { body }),
    }),
  });
  const rows: Record<string, AccessRow> = {
    'POST session/oauth2/token': anybody,
    'GET session/wechat/token': anybody,
    'GET session/wechat/refresh': { who: 'another token' },
    'GET users': ofAdmins(async () => '', 'users'),
    'POST users': anybody,
    'GET users/me': users,
    'PUT users/me/password': users,
    'GET users/{id}': aideer(
      (things) => things.me(),
      (id) => `users/${id}`,
      { admins },
    ),
    'PUT users/{id}': aideer(
      (things) => things.me(),
      (id) => `users/${id}`,
      { admins, body: () => ({}) },
    ),
    'DELETE users/{id}': ofAdmins((things) => things.somebody(), 'users/*'),
    'PUT users/{id}/password': ofAdmins(
      (things) => things.somebody(),
      'users/*/password',
      () => ({
        new_password: `${goodPassword} too`,
      }),
    ),
    'POST users/{id}/approve': ofAdmins((things) => things.somebody(), 'users/*/approve'),
    'GET users/me/keys': users,
    'POST users/me/keys': users,
    'DELETE users/me/keys/{key_id}': users,
    'POST users/me/avatar': users,
    'GET users/me/avatar': users,
    'GET users/{id}/avatar': users,
    'GET users/me/credits': users,
    'POST users/me/credits': users,
    'POST codes': ofAdmins(
      async () => '',
      'codes',
      () => ({ value: 1 }),
    ),
    'GET codes/{code}': ofAdmins((things) => things.code(), 'codes/*'),
    'DELETE codes/{code}': ofAdmins((things) => things.code(), 'codes/*'),
    'GET presets': users,
    'POST presets': users,
    'GET presets/{id}': aideer(
      (things) => things.preset(),
      (id) => `presets/${id}`,
      { admins },
    ),
    'PUT presets/{id}': aideer(
      (things) => things.preset(),
      (id) => `presets/${id}`,
      {
        admins,
        body: () => ({}),
      },
    ),
    'DELETE presets/{id}': aideer(
      (things) => things.preset(),
      (id) => `presets/${id}`,
      { admins },
    ),
    'GET chats': users,
    'POST chats': aideer(
      (things) => things.preset(),
      () => 'chats',
      {
        admins,
        body: (preset_id) => ({ preset_id, title: 'c' }),
      },
    ),
    'GET chats/{id}': aideer(
      (things) => things.chat(),
      (id) => `chats/${id}`,
    ),
    'PUT chats/{id}': aideer(
      (things) => things.chat(),
      (id) => `chats/${id}`,
      { body: () => ({}) },
    ),
    'DELETE chats/{id}': aideer(
      (things) => things.chat(),
      (id) => `chats/${id}`,
    ),
    'POST tasks': aideer(
      (things) => things.chatWithCredits(),
      () => 'tasks',
      { body: (chat_id) => ({ chat_id }) },
    ),
    'GET tasks/{id}': aideer(
      (things) => things.task(),
      (id) => `tasks/${id}`,
    ),
    'DELETE tasks/{id}': aideer(
      (things) => things.task(),
      (id) => `tasks/${id}`,
    ),
    'GET tasks/{id}/stream': aideer(
      (things) => things.task(),
      (id) => `tasks/${id}/stream`,
    ),
  };
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name.replace(' ', ' /api/v1/'), row]));
}

/** The chat backend stands at two places. */
function chatRows(prefix: string): Record<string, AccessRow> {
  const config = (more: string, bodyOf: (id: number) => unknown): AccessRow =>
    owner(404, async (things) => {
      const id = await things.modelConfig();
      return { path: `${prefix}/${more}`, body: () => bodyOf(id) };
    });
  const conversation = (more: string, bodyOf: (id: number) => unknown): AccessRow =>
    owner(404, async (things) => {
      const id = await things.conversation();
      return { path: `${prefix}/${more}`, body: () => bodyOf(id) };
    });
  const said = (conversation_id: number) => ({
    conversation_id,
    messages: [{ role: 'user', content: 'hi' }],
    model_name: 'm',
    base_url: 'http://127.0.0.1:9/v1',
    api_key: 'sk-x',
    params: {},
  });
  return {
    [`POST ${prefix}/user/register`]: anybody,
    [`POST ${prefix}/user/login`]: anybody,
    [`POST ${prefix}/user/refresh`]: { ...anybody },
    [`GET ${prefix}/user/me`]: users,
    [`POST ${prefix}/user/me/username`]: users,
    [`POST ${prefix}/user/me/email`]: users,
    [`POST ${prefix}/user/me/password`]: anybody,
    [`POST ${prefix}/user/logout`]: anybody,
    [`GET ${prefix}/model_config`]: users,
    [`POST ${prefix}/model_config/can_create`]: users,
    [`POST ${prefix}/model_config/create`]: users,
    [`POST ${prefix}/model_config/update`]: config('model_config/update', (config_id) => ({
      ...modelConfig,
      config_id,
    })),
    [`POST ${prefix}/model_config/delete`]: config('model_config/delete', (id) => ({ ids: [id] })),
    [`GET ${prefix}/conversation`]: users,
    [`POST ${prefix}/conversation/create`]: config('conversation/create', (model_config_id) => ({
      model_config_id,
    })),
    [`POST ${prefix}/conversation/generate_title`]: conversation('conversation/generate_title', said),
    [`POST ${prefix}/chat/generate_title`]: conversation('chat/generate_title', said),
    [`POST ${prefix}/conversation/update`]: conversation('conversation/update', (conversation_id) => ({
      conversation_id,
      title: 'New',
    })),
    [`POST ${prefix}/conversation/delete`]: conversation('conversation/delete', (id) => ({ ids: [id] })),
    [`POST ${prefix}/chat/get_upload_presigned_url`]: conversation('chat/get_upload_presigned_url', (id) => ({
      conversation_id: id,
      suffixes: ['png'],
    })),
    [`GET ${prefix}/chat/{id}`]: owner(404, async (things) => ({
      path: `${prefix}/chat/${await things.conversation()}`,
    })),
    [`POST ${prefix}/chat/send`]: conversation('chat/send', said),
  };
}

/** Devices that the server knows: admins change them, the users use them, also over MCP. */
function deviceRows(): Record<string, AccessRow> {
  const at =
    (more: string, body?: (name: string) => unknown) =>
    async (things: Things): Promise<AccessRequest> => {
      const name = await things.device();
      return { path: `/api/devices/${name}${more}`, ...(body && { body: () => body(name) }) };
    };
  return {
    'POST /mcp': users,
    'GET /mcp': users,
    'DELETE /mcp': users,
    'GET /.well-known/oauth-protected-resource': anybody,
    'GET /.well-known/oauth-protected-resource/mcp': anybody,
    'GET /api/devices': users,
    'POST /api/devices': {
      who: 'admins',
      request: async () => ({ path: '/api/devices', body: () => deviceOf(`lamp-${(devices += 1)}`) }),
    },
    'POST /api/devices/trial': {
      who: 'admins',
      request: async () => ({ path: '/api/devices/trial', body: () => deviceOf('lamp') }),
    },
    'GET /api/devices/{name}': { who: 'users', request: at('') },
    'PUT /api/devices/{name}': { who: 'admins', request: at('', deviceOf) },
    'DELETE /api/devices/{name}': { who: 'admins', request: at('') },
    'GET /api/devices/{name}/tools': { who: 'users', request: at('/tools') },
    'POST /api/devices/{name}/rules/trial': {
      who: 'admins',
      request: at('/rules/trial', () => ({ rules: {} })),
    },
    'POST /api/devices/{name}/check': { who: 'users', request: at('/check') },
    'POST /api/devices/{name}/tools/{tool}': { who: 'users', request: at('/tools/get_state', () => ({})) },
    'GET /api/approvals': users,
    'POST /api/approvals/{id}': usersWith('/api/approvals/apr_none', () => ({ decision: 'reject' })),
    'GET /api/estop': users,
    'POST /api/estop': {
      who: 'users',
      async request(things) {
        const scope = { device: await things.device() };
        return { path: '/api/estop', body: () => ({ scope }) };
      },
    },
    'POST /api/estop/release': {
      who: 'admins',
      async request(things) {
        const scope = { device: await things.stoppedDevice() };
        return { path: '/api/estop/release', body: () => ({ scope, reason: 'over' }) };
      },
    },
    'GET /api/audit': { who: 'admins' },
    'GET /api/audit/export': { who: 'admins' },
  };
}

const draft = { model_config: { dialog_round: 1 }, memory_mode: 'none' };

/** A row for every route of every dialect, by its name in the description. */
export const accessRows: Record<string, AccessRow> = {
  'GET /api/version': anybody,
  'POST /api/init': usersWith('/api/init', () => ({})),
  'GET /api/history': session('history'),
  'GET /api/stop': session('stop'),
  'POST /api/stop': session('stop'),
  'GET /api/clear': session('clear'),
  'POST /api/clear': session('clear'),
  'POST /api/ticket': users,
  ...deviceRows(),
  ...openaiAccessRows,
  'POST /auth/exchange': anybody,
  'POST /auth/sms/send': anybody,
  'POST /auth/sms/verify': anybody,
  'POST /auth/refresh': anybody,
  // Whoever is signed in is signed out by it: looked at where it belongs (auth.spec.ts).
  'POST /auth/logout': {
    who: 'anybody',
    request: async () => ({ path: '/auth/logout', body: () => ({ refresh_token: 1 }) }),
  },
  'GET /auth': anybody,
  'GET /auth/login/{provider}': anybody,
  'GET /auth/callback/{provider}': anybody,
  'GET /auth/login': anybody,
  'GET /auth/done': anybody,
  'POST /apps': users,
  'GET /apps': users,
  'GET /apps/{app_id}': app(''),
  'POST /apps/{app_id}': app('', () => ({ name: 'New' })),
  'POST /apps/{app_id}/copy': app('/copy'),
  'POST /apps/{app_id}/config': app('/config', () => draft),
  'PUT /apps/{app_id}/config': app('/config', () => draft),
  'POST /apps/{app_id}/publish': app('/publish'),
  'POST /apps/{app_id}/publish/cancel': app('/publish/cancel'),
  'POST /apps/{app_id}/delete': app('/delete'),
  'GET /apps/{app_id}/publish-histories': app('/publish-histories'),
  'POST /apps/{app_id}/fallback-history': owner(403, async (things) => {
    const [app_id, app_config_version_id] = await things.publication();
    return { path: `/apps/${app_id}/fallback-history`, body: () => ({ app_config_version_id }) };
  }),
  'GET /apps/{app_id}/long-term-memory': app('/long-term-memory'),
  'POST /apps/{app_id}/long-term-memory': app('/long-term-memory', () => ({ summary: 's' })),
  'POST /apps/{app_id}/debug': app('/debug', () => ({ query: 'hi' })),
  'POST /apps/{app_id}/chat': app('/chat', () => ({ query: 'hi' })),
  'GET /apps/{app_id}/conversations': app('/conversations'),
  'GET /apps/{app_id}/messages': app('/messages'),
  'POST /apps/{app_id}/messages/{message_id}/delete': owner(403, async (things) => ({
    path: `/apps/${await things.app()}/messages/5e2f2a1e-0000-4000-8000-000000000000/delete`,
  })),
  ...chatRows(''),
  ...chatRows('/api/v1'),
  ...aideerRows(),
  'PUT /api/v1/objects/{key}': anybody,
  'GET /api/v1/objects/{key}': anybody,
  'PUT /v1/objects/{key}': anybody,
  'GET /v1/objects/{key}': anybody,
  'GET /openapi.json': anybody,
  'GET /asyncapi.json': anybody,
  'GET /docs': anybody,
  'GET /docs/{page}': anybody,
  'GET /docs/api': anybody,
  'GET /docs/api/{file}': anybody,

  'GET /': anybody,
  'GET /console/{file}': anybody,
  'GET /api/access': anybody,
  'GET /api/status': users,
  'GET /metrics': { who: 'admins' },
  'GET /api/sessions': users,
  'POST /api/sessions/{id}': listed(() => ({ title: 't' })),
  'DELETE /api/sessions/{id}': listed(),
  'GET /api/sessions/{id}/usage': owner(404, async (things) => ({
    path: `/api/sessions/${await things.session()}/usage`,
  })),
  'GET /api/trial/examples': users,
  'POST /api/trial/devices': usersWith('/api/trial/devices', () => ({ openSpec: '{}' })),
  'POST /api/model/test': usersWith('/api/model/test', () => ({})),
};
