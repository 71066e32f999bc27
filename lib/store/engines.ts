import type { Engine } from './engine.ts';
import { postgres } from './postgres/postgres.ts';
import { sqlite } from './sqlite/sqlite.ts';

/** The engines of a server that names no others. */
export const defaultEngines: readonly Engine[] = [sqlite, postgres];
