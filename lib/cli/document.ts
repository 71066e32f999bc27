import { readConfig } from '../config.ts';
import type { Config } from '../config.ts';
import { openDocuments } from '../openspecs.ts';
import { openEgress } from '../drivers/egress.ts';
import { SpecError } from '../errors.ts';
import { credentialWarnings } from '../openspec/credential-warnings.ts';
import type { DocumentEntry, LoadedSpec } from '../openspec/openspecs.ts';
import { noToolsError } from '../openspec/no-tools-error.ts';
import { printWarnings } from './print-warnings.ts';
import { privately } from './server.ts';
import { entryIn, readSpec } from './spec.ts';

/** A document that this process uses without a server. */
export interface OpenDocument extends LoadedSpec {
  limits: Config['limits'];
  close(): Promise<void>;
}

/**
 * Opens a document: a file with the files beside it, `-` for standard input, or a URL, also of a JSON-RPC endpoint that
 * describes itself. With `validate` its warnings are complete. Throws an AppError that names every fault, and for a document without a
 * tool, unless it `mayBeEmpty`.
 */
export async function openOwnDocument(
  place: string,
  entry: Omit<DocumentEntry, 'openSpec' | 'source'>,
  signal: AbortSignal,
  { validate = false, mayBeEmpty = false }: { validate?: boolean; mayBeEmpty?: boolean } = {},
): Promise<OpenDocument> {
  const { limits, egressAllow, egressDeny } = readConfig({ fixed: privately });
  const { text, source } = isUrl(place) ? { text: place } : await readSpec(place);
  // An MCP server has no document: its address is all that there is to load.
  const asked = isUrl(place) && entry.protocol === 'mcp' ? { server: place } : await entryIn(text);
  // A person at this machine names the document: private addresses and serial ports are theirs to use.
  const egress = openEgress({ allow: egressAllow, deny: egressDeny, allowPrivate: true, serialAllow: ['*'] });
  const devices = openDocuments({
    egress,
    resultMaxBytes: limits.toolResultMaxBytes,
    documentMaxBytes: limits.initMaxBytes,
    readFiles: true,
    validate,
  });
  const close = async (): Promise<void> => {
    await devices.close();
    await egress.close();
  };
  try {
    const whole = asked ?? { openSpec: text, ...(source === undefined ? {} : { source }) };
    const loaded = await devices.openspecs.load({ ...whole, ...entry }, { signal, byOperator: true });
    if (loaded.spec.tools.length === 0 && !mayBeEmpty) throw noToolsError(loaded.spec);
    printWarnings(credentialWarnings(entry, loaded.spec.credentialNames));
    return {
      ...loaded,
      limits,
      async close() {
        loaded.release();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error instanceof SpecError ? withFaults(place, error) : error;
  }
}

/**
 * Whether a place is an address: then it may be an endpoint that describes itself (`rpc.discover`), so it is not downloaded
 * here.
 */
function isUrl(place: string): boolean {
  return /^https?:\/\//i.test(place);
}

/** The error, with every fault in its message. */
export function withFaults(place: string, error: SpecError): SpecError {
  // A fault that the message has already is not said twice.
  const unsaid = error.faults.filter(({ detail }) => !error.message.includes(detail));
  const lines = unsaid.map(({ pointer, detail }) => `\n  ${pointer === '' ? '/' : pointer}: ${detail}`);
  const named = isUrl(place) ? '' : `${place === '-' ? 'standard input' : place}: `;
  return new SpecError(named + error.message + lines.join(''), error.faults, error);
}
