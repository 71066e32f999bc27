import type { AccountTables } from '../../lib/accounts/schema.ts';
import type { Role } from '../../lib/core/principal.ts';
import { password, type ChatWorld } from './chat-world.ts';

/** A user of contract 5, signed in. */
export interface DeerUser {
  id: number;
  username: string;
  token: string;
}

let users = 0;

export async function signIn(world: ChatWorld, username: string, secret = password): Promise<string> {
  const answer = await world.ok<{ access_token: string }>(200, 'POST', '/api/v1/session/oauth2/token', {
    body: new URLSearchParams({ username, password: secret }).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  return answer.access_token;
}

export async function newDeer(world: ChatWorld, role: Role = 'user'): Promise<DeerUser> {
  users += 1;
  const username = `deer ${users}`;
  const { id } = await world.ok<{ id: number }>(200, 'POST', '/api/v1/users', {
    body: { username, password },
  });
  if (role !== 'user')
    await world.sql<AccountTables, unknown>((db) =>
      db.updateTable('users').set({ role }).where('id', '=', id).execute(),
    );
  return { id, username, token: await signIn(world, username) };
}

/** A preset, as its id. */
export async function newPreset(world: ChatWorld, { token }: DeerUser, more: object = {}): Promise<string> {
  const { id } = await world.ok<{ id: string }>(200, 'POST', '/api/v1/presets', {
    token,
    body: { title: 'A scene', parameters: { model: 'mock', max_tokens: 100 }, ...more },
  });
  return id;
}

/** A chat with what the user says first, as its id. */
export async function newChat(
  world: ChatWorld,
  user: DeerUser,
  { preset, ...more }: { preset?: string; [field: string]: unknown } = {},
): Promise<string> {
  const body = {
    preset_id: preset ?? (await newPreset(world, user)),
    title: 'A chat',
    messages: [{ role: 'user', content: 'Hello' }],
    ...more,
  };
  return (await world.ok<{ id: string }>(200, 'POST', '/api/v1/chats', { token: user.token, body })).id;
}

/** Puts credits on a user's account, with a code of an admin. */
export async function giveCredits(
  world: ChatWorld,
  admin: DeerUser,
  user: DeerUser,
  value: number,
): Promise<void> {
  const made = await world.ok<{ redeem_code: string }>(200, 'POST', '/api/v1/codes', {
    token: admin.token,
    body: { value },
  });
  await world.ok(200, 'POST', '/api/v1/users/me/credits', {
    token: user.token,
    body: { redeem_code: made.redeem_code },
  });
}

/** A task's state, once it has ended. */
export async function endOf(
  world: ChatWorld,
  user: DeerUser,
  task: string,
): Promise<Record<string, unknown>> {
  for (let tries = 0; tries < 400; tries += 1) {
    const state = await world.ok(200, 'GET', `/api/v1/tasks/${task}`, { token: user.token });
    if (state['status'] === 'finished' || state['status'] === 'failed') return state;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the task does not end');
}
