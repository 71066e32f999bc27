import type { JsonObject, JsonValue } from '../common/json.ts';
import { isObject } from '../common/json.ts';
import { readConfig } from '../config.ts';
import type { ToolResult } from '../core/message.ts';
import { AppError } from '../errors.ts';
import { callServer } from './call-server.ts';
import { onOwnDatabase, openOwnServer } from './server.ts';

/** Where a device is called: on a running server, or on a server of this process with the database of the settings. */
export interface DeviceCallPlace {
  url?: string;
  token?: string;
  /** Shows what a write would send, and sends nothing. */
  dryRun?: boolean;
}

/** A call may wait for the approval of a person. */
const ANSWER_WITHIN_MS = 3_600_000;

/** Calls a tool of a device that the server knows, under its rules, limits and audit. A call is sent to the server once. */
export async function callDevice(
  name: string,
  tool: string,
  args: JsonValue,
  { url, token, dryRun = false }: DeviceCallPlace,
): Promise<ToolResult> {
  if (!isObject(args)) throw new AppError('invalid_request', 'The arguments must be a JSON object.');
  const own = url === undefined ? await openOwnServer(onOwnDatabase) : undefined;
  try {
    // The own server has the rights of the person at this machine, and takes no token.
    const server = { url: own?.url ?? url ?? '', token: own ? undefined : (token ?? readConfig().authToken) };
    const path = `/devices/${encodeURIComponent(name)}/tools/${encodeURIComponent(tool)}`;
    const body: JsonObject = { arguments: args, ...(dryRun && { dryRun }) };
    return (await callServer(server, 'POST', path, body, ANSWER_WITHIN_MS)) as ToolResult;
  } finally {
    await own?.close();
  }
}
