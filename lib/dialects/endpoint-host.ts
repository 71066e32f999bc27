/** A message about the model's endpoint without the endpoint's host, which is for the log and the people who run the server. */
export function withoutEndpointHost(message: string): string {
  return message.replace(
    /\b(the model endpoint) \S+(?= (?:answered \d|cannot be reached|sent no picture))/i,
    '$1',
  );
}
