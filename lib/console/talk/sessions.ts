import { signal } from '@preact/signals';
import { call } from '../api.ts';
import { t } from '../language.ts';
import { modelHere } from '../status/model-here.ts';
import { timeText } from '../time.ts';

/** A session in the list. */
export interface SessionEntry {
  id: string;
  /** null: nobody has named it. */
  title: string | null;
  /** The time of its last line. */
  usedAt: string;
}

/** A document with its device, as `POST /api/init` takes it. */
export interface DeviceEntry {
  openSpec: string;
  server?: string;
  /** One key for the whole document. */
  apiKey?: { type: 'bearer' | 'basic'; apiKey: string };
  /** Keys by the names of the document's security schemes. */
  credentials?: Record<string, string>;
}

/** The sessions of the caller, the one that was used last first; undefined until they were read. */
export const sessions = signal<readonly SessionEntry[] | undefined>(undefined);

/** The session that was opened last on this page, and the odd things about its documents. */
export const opened = signal<{ id: string; warnings: readonly string[] } | undefined>(undefined);

/** People come back to a conversation after days, not after the hour that is usual for programs. */
const LIFE_SECONDS = 30 * 24 * 3600;
const TITLE_MAX_LENGTH = 60;

/** Reads the list. Rejects with a CallError. */
export async function readSessions(): Promise<void> {
  sessions.value = await call<SessionEntry[]>('GET', '/api/sessions');
}

/** The name of a session, or the time when it was used. */
export function titleOf({ title, usedAt }: SessionEntry): string {
  return title ?? t('untitled', { time: timeText(Date.parse(usedAt)) });
}

/** Opens a session and resolves with its id. Rejects with a CallError that has every fault of the documents. */
export async function createSession(
  title: string,
  documents: readonly DeviceEntry[],
  systemPrompt = '',
  devices: readonly string[] = [],
): Promise<string> {
  const { id, warnings = [] } = await call<{ id: string; warnings?: string[] }>('POST', '/api/init', {
    openSpecList: documents,
    ...(devices.length > 0 && { devices }),
    systemPrompt,
    timeoutSeconds: LIFE_SECONDS,
    ...(modelHere.value && { llmConfig: modelHere.value }),
  });
  opened.value = { id, warnings };
  if (title !== '') await nameSession(id, title);
  await readSessions();
  return id;
}

/** Names a session. */
export async function nameSession(id: string, title: string): Promise<void> {
  const short = title.length > TITLE_MAX_LENGTH ? `${title.slice(0, TITLE_MAX_LENGTH - 1)}…` : title;
  await call('POST', `/api/sessions/${encodeURIComponent(id)}`, { title: short });
  const change = (entry: SessionEntry): SessionEntry =>
    entry.id === id ? { ...entry, title: short } : entry;
  sessions.value = sessions.value?.map(change);
}

/** Stops and removes a session. */
export async function removeSession(id: string): Promise<void> {
  await call('DELETE', `/api/sessions/${encodeURIComponent(id)}`);
  sessions.value = sessions.value?.filter((entry) => entry.id !== id);
}

/** Starts the simulated device of a document, and resolves with the entry for a session. */
export async function simulated(openSpec: string): Promise<DeviceEntry & { title: string }> {
  const { server, title } = await call<{ server: string; title: string }>('POST', '/api/trial/devices', {
    openSpec,
  });
  return { openSpec, server, title };
}
