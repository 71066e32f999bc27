import type { JsonObject } from '../common/json.ts';
import { asMask, isMask, masked, withKeptSecrets } from '../common/masked-secrets.ts';
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

/** The document at a place. The keys of a stored document are its own, while it leads to no other host. */
function withKeptKey(document: JsonObject, index: number, stored: readonly JsonObject[]): JsonObject {
  const own = stored.map((one) => (leadsElsewhere(document, one) ? {} : one));
  const before = Array.from({ length: index }, () => ({}));
  return withKeptSecrets({ documents: [...before, document] }, { documents: own }).documents[index]!;
}

/** Whether a document names a host that the stored one does not name. */
function leadsElsewhere(document: JsonObject, stored: JsonObject): boolean {
  const known = hostsIn(stored);
  return [...hostsIn(document)].some((host) => !known.has(host));
}

function hostsIn({ openSpec, server }: JsonObject): Set<string> {
  const text = typeof openSpec === 'string' ? openSpec : JSON.stringify(openSpec ?? '');
  const hosts = `${text} ${typeof server === 'string' ? server : ''}`.match(
    /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'\\/]{1,300}/gi,
  );
  return new Set((hosts ?? []).map((host) => host.toLowerCase()));
}

function maskElsewhere(pointer: string): AppError {
  const detail = 'must be the key itself: the stored key is for another base URL';
  return new AppError('invalid_request', `A key ${detail}.`, { faults: [{ pointer, detail }] });
}
