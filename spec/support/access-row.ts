import type { Things } from './access-rows.ts';

/** A request that a row makes; the body is made anew for each caller. */
export interface AccessRequest {
  path: string;
  body?: () => unknown;
}

/**
 * Who may make a call:
 * - `anybody`: it does not matter who calls, all get the same status;
 * - `users`: whoever has signed in, and gets on as far as the body allows;
 * - `another token`: whoever shows one, as it is not of the kind that is asked for here, gets 400;
 * - `admins`: users with that role; all others get 403;
 * - `owner`: the owner of what the request names, and with `admins` these too; everybody else gets the status `others`,
 *   whatever their role.
 */
export type AccessRow =
  | {
      who: 'anybody' | 'users' | 'another token' | 'admins';
      request?: (things: Things) => Promise<AccessRequest>;
    }
  | { who: 'owner'; others: 403 | 404; admins?: true; request: (things: Things) => Promise<AccessRequest> };

/** A row: it does not matter who calls. */
export const anybody: AccessRow = { who: 'anybody' };
/** A row: users alone may call. */
export const users: AccessRow = { who: 'users' };
/** The same, with a request of its own. */
export const usersWith = (path: string, body: () => unknown): AccessRow => ({
  who: 'users',
  request: async () => ({ path, body }),
});
/** A row: the owner alone may call; everybody else gets the status `others`. */
export const owner = (others: 403 | 404, request: (things: Things) => Promise<AccessRequest>): AccessRow => ({
  who: 'owner',
  others,
  request,
});

/** A form with a small file. */
export function fileForm(field = 'file'): FormData {
  const form = new FormData();
  form.append(field, new Blob(['x']), 'a.txt');
  form.append('purpose', 'batch');
  return form;
}
