/** The wish for a dry run. */
export const dryRunField = {
  type: 'boolean',
  description: 'true: no write is sent, its result says what would have been sent',
} as const;
