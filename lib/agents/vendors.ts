/** An endpoint of a vendor's models. */
export interface Vendor {
  baseUrl: string;
  apiKey: string | undefined;
}

/** Which vendor a model is of, by the beginning of its name. */
const names = { dashscope: /^(qwen|qwq|wanx|wan\d)/i, deepseek: /^deepseek/i } as const;

/** Where a model of this name is asked: its vendor's endpoint where there is one, else that of the settings. */
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
