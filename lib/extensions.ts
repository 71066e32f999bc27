import type { Dialect, Parts } from './dialects/dialect.ts';
import type { DriverTable } from './drivers/drivers.ts';
import type { ModelProvider } from './models/provider.ts';
import type { KindDefinition } from './openspec/kind.ts';
import type { Engine } from './store/engine.ts';

/**
 * Everything that a server is put together from. Another program passes tables of its own to `openApp`: the defaults with
 * more rows, or other rows.
 */
export interface Extensions {
  /** The kinds of documents that become tools. */
  kinds: readonly KindDefinition[];
  /** The drivers that kinds ask for by name. */
  drivers: DriverTable;
  /** The wire shapes over the core. Each has paths of its own. */
  dialects: readonly Dialect<keyof Parts>[];
  /** The providers of language models; the first that knows a configuration opens it. */
  models: readonly ModelProvider[];
  /** The engines of databases, by the scheme of DATABASE_URL. */
  engines: readonly Engine[];
}
