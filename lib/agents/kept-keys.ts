import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../common/json.ts';
import { asMask, isMask, masked, withKeptSecrets } from '../common/masked-secrets.ts';
import { originOf } from '../common/origin-of.ts';
import { isSameUrl } from '../common/same-url.ts';
import { AppError } from '../errors.ts';
import type { AgentConfig } from './agent-config.ts';

/**
 * The configuration that a client sends back after it has got `stored` with masked keys, with the keys in the place of the masks. A key
 * goes to its own endpoint only: somebody who holds a token of the owner must not be able to send the owner's keys elsewhere. Throws
 * `invalid_request` for a mask of no stored key, and for one whose endpoint is another one.
 */
export function withKeptKeys(config: AgentConfig, stored: AgentConfig | undefined): AgentConfig {
  const { model, documents, ...rest } = config;
  const { model: storedModel, documents: storedDocuments = [], ...storedRest } = stored ?? {};
  // Any other mask is left to `withKeptSecrets`, which refuses one that fits no stored key.
  const isKept = model?.apiKey !== undefined && isMask(model.apiKey);
  if (isKept && storedModel && masked(storedModel.apiKey ?? '') === asMask(model.apiKey!))
    if (!isSameUrl(model.baseUrl ?? '', storedModel.baseUrl ?? '')) throw maskElsewhere('/model/apiKey');
  return {
    ...(model && withKeptSecrets({ model }, { model: storedModel ?? {} })),
    ...(documents && {
      documents: documents.map((document, index) => withKeptKey(document, index, storedDocuments)),
    }),
    ...withKeptSecrets(rest, storedRest),
  };
}

/** The document at a place. The keys of a stored document are its own while they go to the same origins. */
function withKeptKey(document: JsonObject, index: number, stored: readonly JsonObject[]): JsonObject {
  // An empty object in the place of a stored document: the others keep their places, and no mask fits it.
  const own = stored.map((one) => (leadsElsewhere(document, one) ? {} : one));
  // The empty documents before it keep its index in the pointers of faults.
  const before = Array.from({ length: index }, () => ({}));
  return withKeptSecrets({ documents: [...before, document] }, { documents: own }).documents[index]!;
}

/**
 * Whether the keys of a stored document could go to another origin with this one. The origin of its keys is that of `server`; without
 * it the document says the origin, in many ways (variables, escapes, parts of a URL), so that any change of the document counts.
 */
function leadsElsewhere(document: JsonObject, stored: JsonObject): boolean {
  const own = originOfServer(document);
  if (own !== originOfServer(stored)) return true;
  const known = moreOriginsOf(stored);
  if (moreOriginsOf(document).some((origin) => !known.includes(origin))) return true;
  return own === undefined && !isDeepStrictEqual(document['openSpec'], stored['openSpec']);
}

/** The other origins that the keys of a document may go to. */
function moreOriginsOf({ credentialOrigins }: JsonObject): (string | undefined)[] {
  return Array.isArray(credentialOrigins)
    ? credentialOrigins.map((one) => (typeof one === 'string' ? originOf(one) : undefined))
    : [];
}

/** The origin of a document's `server`; undefined where it has none. */
function originOfServer({ server }: JsonObject): string | undefined {
  return typeof server === 'string' ? originOf(server) : undefined;
}

/** The refusal of a mask whose key was stored for another endpoint. */
function maskElsewhere(pointer: string): AppError {
  const detail = 'must be the key itself: the stored key is for another base URL';
  return new AppError('invalid_request', `A key ${detail}.`, { faults: [{ pointer, detail }] });
}
