import { jsonSlicesOf } from '../common/write-json-slices.ts';
import { isLongTextValue } from '../common/long-text.ts';
import { isObject, type JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { keptConfigOf, type KeptConfig, type SessionConfig } from './session-config.ts';
import type { Store, StoredSession } from './store.ts';

/** A session as it is kept in memory. */
export interface KeptSession extends Omit<StoredSession, 'config'> {
  config: KeptConfig;
}

/** A session without its documents. */
export function keptSessionOf({ config, ...session }: StoredSession): KeptSession {
  return { ...session, config: keptConfigOf(config) };
}

/** The configuration of a session with its documents. Rejects with `not_found` when the session is gone. */
export async function readWholeConfig(store: Store, { id, config }: KeptSession): Promise<SessionConfig> {
  const { hasDocuments, hasLiveDocuments: _, ...kept } = config;
  if (!hasDocuments) return { ...kept, documents: [] };
  const stored = await store.findSession(id);
  if (!stored) throw new AppError('not_found', `The session "${id}" is gone.`);
  return stored.config;
}

/**
 * The configuration with each document as a text, a long one in pieces: as an object a document of small parts takes thirty
 * times the memory, and each opening of the session would parse it. An object that cannot be written as a text stays: the error of its
 * opening says why.
 */
export async function withDocumentTexts(config: SessionConfig): Promise<SessionConfig> {
  const documents = await Promise.all(
    config.documents.map(async (entry): Promise<JsonObject> => {
      const { openSpec } = entry;
      if (!isObject(openSpec) || isLongTextValue(openSpec)) return entry;
      const slices = await jsonSlicesOf(openSpec).catch(() => undefined);
      if (slices === undefined) return entry;
      return { ...entry, openSpec: slices.length > 1 ? longValue(slices) : slices.join('') };
    }),
  );
  return { ...config, documents };
}

function longValue(textPieces: string[]): JsonObject {
  return { textPieces, isObject: true };
}
