import type { SessionConfig } from '../../lib/core/session-config.ts';

/** A session without documents: what specs build theirs from. */
export const plainConfig: SessionConfig = {
  model: {},
  systemPrompt: '',
  documents: [],
  children: [],
  taskStrategy: 'serial',
  toolStrategy: 'parallel',
  memoryTools: false,
};
