import type { Connection } from '../core/tool.ts';

/**
 * The Authorization header for a session's key: the entry's `apiKey`, else its one credential (a text is a bearer
 * token), for documents that have no security schemes to choose by.
 */
export function authorization({
  apiKey,
  credentials,
}: Connection): { value: string | undefined } | { fault: string } {
  if (apiKey !== undefined) {
    return { value: apiKey.type === 'bearer' ? `Bearer ${apiKey.apiKey}` : `Basic ${basic(apiKey.apiKey)}` };
  }
  const [credential, ...others] = Object.values(credentials ?? {});
  if (credential === undefined) return { value: undefined };
  if (others.length > 0)
    return { fault: 'Several credentials were given, and the document cannot say which to use' };
  if (typeof credential === 'string') return { value: `Bearer ${credential}` };
  if ('username' in credential)
    return { value: `Basic ${basic(`${credential.username}:${credential.password}`)}` };
  return { fault: 'The document has no OAuth2 flow: give the token itself' };
}

function basic(key: string): string {
  return key.includes(':') ? Buffer.from(key).toString('base64') : key;
}
