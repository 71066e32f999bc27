import { defaultDrivers, defaultKinds } from './defaults.ts';
import { dialects } from './dialects/index.ts';
import type { Extensions } from './extensions.ts';
import { defaultProviders } from './models/providers.ts';
import { defaultEngines } from './store/engines.ts';

/** The tables of a server that names no others. Commands that only read documents do without it. */
export const defaults: Extensions = {
  kinds: defaultKinds,
  drivers: defaultDrivers,
  dialects,
  models: defaultProviders,
  engines: defaultEngines,
};
