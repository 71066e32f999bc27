import { defaultDrivers, defaultKinds } from './defaults.ts';
import { Drivers, type DriverTable } from './drivers/drivers.ts';
import type { Egress } from './drivers/egress.ts';
import { createDocumentFetch } from './openspec/fetch.ts';
import type { KindDefinition } from './openspec/kind.ts';
import { openOpenspecs, type Openspecs } from './openspec/openspecs.ts';
import { knowSecrets, secretsOf } from './secrets.ts';

/** How documents are read and called. */
interface DocumentsOptions {
  egress: Egress;
  /** The kinds of documents; those of `defaults.ts` by default. */
  kinds?: readonly KindDefinition[];
  /** The drivers that the kinds ask for; those of `defaults.ts` by default. */
  drivers?: DriverTable;
  /** A result's `body` is cut to this size. */
  resultMaxBytes: number;
  /** The largest document that is fetched from a URL. */
  documentMaxBytes: number;
  /** Whether a document may refer to files beside it: only where the person who runs this named its own file. */
  readFiles?: boolean;
  /** Whether documents are also checked against the schemas of their family. */
  validate?: boolean;
}

/** Documents, and the drivers that carry their calls. */
export interface Documents {
  openspecs: Openspecs;
  close(): Promise<void>;
}

/** Opens the kinds of documents over their drivers. */
export function openDocuments(options: DocumentsOptions): Documents {
  const { kinds = defaultKinds, drivers: table = defaultDrivers, documentMaxBytes } = options;
  const { egress, resultMaxBytes, readFiles = false, validate = false } = options;
  const drivers = new Drivers(table, { egress, resultMaxBytes });
  const openspecs = openOpenspecs({
    kinds: kinds.map((kind) => kind.open(drivers)),
    discover: createDocumentFetch({
      http: drivers.get('http'),
      jsonrpc: drivers.get('jsonrpc'),
      rootKeys: kinds.flatMap(({ rootKeys }) => rootKeys),
      maxBytes: documentMaxBytes,
    }),
    readFiles,
    validate,
  });
  return {
    openspecs: {
      pin(entry, options) {
        knowSecrets(secretsOf(entry)); // before a document or a device can send them back
        return openspecs.pin(entry, options);
      },
      load(entry, options) {
        knowSecrets(secretsOf(entry));
        return openspecs.load(entry, options);
      },
      close: () => openspecs.close(),
    },
    async close() {
      openspecs.close();
      await drivers.close();
    },
  };
}
