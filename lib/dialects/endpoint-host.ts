/**
 * A message about the model's endpoint without the endpoint's host, which is for the log and the people who run the server. The words
 * are those of `lib/models` (failure.ts, completions.ts, pictures.ts): messages without a host stay as they are.
 */
export function withoutEndpointHost(message: string): string {
  return message.replace(
    /\b(the model endpoint) \S+(?= (?:answered \d|cannot be reached|sent no picture))/i,
    '$1',
  );
}
