import { agentName } from '../../agents/agents.ts';
import type { JsonObject } from '../../common/json.ts';
import type { Config } from '../../config.ts';
import type { Metadata } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { SessionConfig } from '../../core/session-config.ts';
import type { Parts } from '../dialect.ts';
import { checkAdmission, initSchema, toDeviceUses } from '../liteagent/init.ts';

/** The devices of a new conversation: the same fields as in `POST /api/init`. */
export const deviceFieldSchemas = {
  openSpecList: initSchema.properties.openSpecList,
  devices: initSchema.properties.devices,
} as const;

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

/** The fields of a body that name devices. Clients that send no other fields than OpenAI's name them in their metadata. */
interface DeviceFields {
  openSpecList?: unknown;
  devices?: unknown;
  metadata?: Metadata;
}

/** The devices that a body asks for. In `metadata.devices` their names are separated by commas. */
export function devicesOf({
  openSpecList = [],
  devices,
  metadata,
}: DeviceFields): Pick<SessionConfig, 'documents' | 'devices'> {
  const named = (metadata?.['devices'] ?? '').split(',').map((name) => name.trim());
  const uses = [...((devices ?? []) as unknown[]), ...named.filter((name) => name !== '')];
  return {
    documents: openSpecList as JsonObject[],
    ...(uses.length > 0 && { devices: toDeviceUses(uses) }),
  };
}

/** The name of the first field of a body that names devices; undefined when there is none. */
export function deviceFieldIn({ openSpecList, devices }: DeviceFields): string | undefined {
  return openSpecList ? 'openSpecList' : devices ? 'devices' : undefined;
}

/** Throws `forbidden` unless the caller may open a session with its devices, if it has any. */
export function checkDevices(caller: Principal, config: SessionConfig, documents: Config['documents']): void {
  if (config.documents.length > 0 || config.devices) checkAdmission(caller, config, documents);
}

/** The beginning of a model's name that stands for an app: `app:<id>` (contract 2b). */
const APP = 'app:';

/** Whether a name of a model stands for an app. */
export function isAppModel(model: string): boolean {
  return model.startsWith(APP);
}

/**
 * The agent that a name of a model stands for: `app:<id>` is the published app, or the draft where there is none. Undefined for
 * any other name. Rejects with `not_found` for an unknown app, and with `forbidden` for another user's.
 */
export async function agentOfModel(
  { apps }: Parts['agents'],
  model: string,
  caller: Principal,
): Promise<string | undefined> {
  if (!isAppModel(model)) return undefined;
  const { id, published } = await apps.find(model.slice(APP.length), caller);
  return agentName(published ? 'published' : 'app', id);
}
