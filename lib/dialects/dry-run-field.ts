/** The wish for a dry run. A misspelt one is refused: it must not become a real run. */
export const dryRunField = {
  type: 'boolean',
  description: 'true: no write is sent, its result says what would have been sent',
  'x-misspelt': 'refused',
} as const;
