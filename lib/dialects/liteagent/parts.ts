import type { Config } from '../../config.ts';
import type { Parts } from '../dialect.ts';

/** The parts that this dialect takes, and of the settings no more than these three. */
export type LiteAgentParts = Pick<Parts, 'sessions' | 'access' | 'version' | 'log'> & {
  config: Pick<Config, 'auth' | 'limits' | 'liteagentContentType'>;
};
