/** The endpoint of a vendor's models. */
export interface Vendor {
  baseUrl: string;
  /** Undefined: none is configured. */
  apiKey: string | undefined;
}

/** The vendors, by the beginning of their models' names. */
const names = { dashscope: /^(qwen|qwq|wanx|wan\d)/i, deepseek: /^deepseek/i } as const;

/** The endpoint for a model of this name: its vendor's, if that is configured; without one the settings decide. */
export function endpointOf(
  model: string,
  vendors: Partial<Record<keyof typeof names, Vendor>>,
): { model: string; baseUrl?: string; apiKey?: string } {
  const name = Object.entries(names).find(([, pattern]) => pattern.test(model))?.[0] as
    | keyof typeof names
    | undefined;
  const vendor = name && vendors[name];
  if (!vendor) return { model };
  const { baseUrl, apiKey } = vendor;
  return { model, baseUrl, ...(apiKey !== undefined && { apiKey }) };
}
