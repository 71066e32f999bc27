import { originOf } from '../common/origin-of.ts';
import type { Connection } from '../core/tool.ts';

/**
 * A document must not decide where keys go. The credentials of an entry belong to one origin: that of its `server`, else that of
 * the URL which the document came from, else that of the document's root server. `credentialOrigins` names more of them.
 *
 * The reason why credentials do not go to a URL; undefined when they may. `rootServer` is asked only where nothing else decides.
 */
export function credentialFault(
  connection: Connection,
  target: string,
  source: string | undefined,
  rootServer: () => string | undefined,
): string | undefined {
  const { server, credentialOrigins = [] } = connection;
  const origin = originOf(target);
  const own = originOf(server) ?? originOf(isHttp(source) ? source : rootServer());
  if (origin === undefined || origin === own || credentialOrigins.some((one) => originOf(one) === origin))
    return undefined;
  const owner = own === undefined ? 'have no origin of their own' : `belong to ${own}`;
  return (
    `The credentials ${owner}, and the document sends them to ${origin}. ` +
    `If that is right, add "${origin}" to "credentialOrigins" beside the credentials, or give the device's address as "server"`
  );
}

function isHttp(text: string | undefined): text is string {
  return text !== undefined && /^https?:\/\//i.test(text);
}
