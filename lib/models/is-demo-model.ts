/** Whether a configuration means the offline demo model: it has neither a base URL nor a key. */
export function isDemoModel({ baseUrl, apiKey }: { baseUrl?: unknown; apiKey?: unknown }): boolean {
  return baseUrl === undefined && apiKey === undefined;
}
