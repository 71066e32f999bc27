import { timingSafeEqual } from 'node:crypto';
import type { ProviderName } from './providers.ts';
import type { SigningKey, SigningKeys } from './signing-keys.ts';

/** The data that a browser carries while it is at a provider. */
export interface OauthState {
  provider: ProviderName;
  state: string;
  callbackUrl: string;
  returnTo: string | undefined;
  /** Ms since the epoch. */
  until: number;
}

/** A state as a cookie value that only this server can make. */
export function sealState(key: SigningKey, state: OauthState): string {
  const text = Buffer.from(JSON.stringify(state)).toString('base64url');
  return `${text}.${key.digest('state', text)}`;
}

/** The state of a cookie value, and the key that it was sealed with; undefined when no key of this server sealed it. */
export function openState(keys: SigningKeys, cookie: string): (OauthState & { key: SigningKey }) | undefined {
  const [text = '', seal = ''] = cookie.split('.');
  const key = keys.all.find((one) => isSame(one.digest('state', text), seal));
  return key && { ...(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as OauthState), key };
}

/** Whether two texts are the same, without telling by the time where they differ. */
function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
