import { agentName } from '../../agents/agents.ts';
import type { JsonObject } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import type { SessionConfig } from '../../core/session-config.ts';
import type { Parts } from '../dialect.ts';
import { initSchema } from '../liteagent/init.ts';

/** The devices of a new conversation: the same entries as in `POST /api/init`. */
export const openSpecListSchema = initSchema.properties.openSpecList;

/** A session without devices and without memory, under these wishes. */
export function sessionConfigWith(wishes: Partial<SessionConfig>): SessionConfig {
  return {
    model: {},
    systemPrompt: '',
    documents: [],
    children: [],
    taskStrategy: 'serial',
    toolStrategy: 'parallel',
    memoryTools: false,
    ...wishes,
  };
}

/** The devices that a body asks for. */
export function documentsOf({ openSpecList = [] }: { openSpecList?: unknown }): JsonObject[] {
  return openSpecList as JsonObject[];
}

const APP = 'app:';

/**
 * The agent that a name of a model stands for: `app:<id>` is the published app, or the draft where there is none. Undefined for
 * any other name. Rejects with `not_found` for an unknown app, and with `forbidden` for another user's.
 */
export async function agentOfModel(
  { apps }: Parts['agents'],
  model: string,
  caller: Principal,
): Promise<string | undefined> {
  if (!model.startsWith(APP)) return undefined;
  const { id, published } = await apps.find(model.slice(APP.length), caller);
  return agentName(published ? 'published' : 'app', id);
}
