import { signal } from '@preact/signals';
import { call } from '../api.ts';

/** The state of the server (`GET /api/status`). */
export interface ServerStatus {
  version: string;
  uptimeSeconds: number;
  /** `demo`: the offline model answers; `host` is null then. */
  model: { demo: boolean; name: string; host: string | null };
  /** `kind` is the scheme of DATABASE_URL. `ms`: how long it took to answer; null: it does not answer. */
  database: { kind: string; ms: number | null };
  /** The nodes that share the database, this one included. */
  nodes: number;
  /** Whether simulated devices can run in it. */
  simulates: boolean;
  /** Whether the caller may register and change devices, and release stops. */
  may: { manageDevices: boolean; commandDevices: boolean };
  /** null: the caller may not see them. */
  unsafe: { setting: string; detail: string }[] | null;
}

/** The state of the server as it was last read; undefined before. */
export const status = signal<ServerStatus | undefined>(undefined);

/** Reads the state. Rejects with a CallError. */
export async function readStatus(): Promise<void> {
  status.value = await call<ServerStatus>('GET', '/api/status');
}
