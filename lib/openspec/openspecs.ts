import { isLongTextValue, type LongText } from '../common/long-text.ts';
import { hashedDocument, memoryOf, documentTextOf } from './document-text.ts';
import { isObject, type JsonObject } from '../common/json.ts';
import type { Connection } from '../core/tool.ts';
import { AppError, SpecError } from '../errors.ts';
import { blotOwnSecrets, secretsOf } from '../secrets.ts';
import { LoanCache } from './cache.ts';
import type { CompiledSpec, CompileOptions, OpenspecKind, OperationFilter } from './kind.ts';
import { findKind } from './find-kind.ts';
import { parseText } from './parse.ts';
import { programFaults } from './program-faults.ts';

/** One entry of an openSpecList (contract 1, `POST /init`). */
export interface DocumentEntry extends Connection {
  /**
   * JSON or YAML text, a JSON object, a long text in pieces (LongTextValue), or the http(s) URL of an endpoint that describes itself
   * (`rpc.discover`). Missing for a protocol whose devices say their document themselves.
   */
  openSpec?: string | JsonObject;
  /** One of the protocols of the document's kind; a document of another kind is refused then. */
  protocol?: string;
  paramStructure?: 'by-name' | 'by-position';
  include?: OperationFilter;
  exclude?: OperationFilter;
  within?: CompileOptions['within'];
  /** Where the document came from: a URL, or (only where files may be read) a file's path. */
  source?: string;
}

/** A document in use: its tools, and where and how this session calls them. `release` once, when they are no longer used. */
export interface LoadedSpec {
  spec: CompiledSpec;
  connection: Connection;
  release(): void;
}

/** How a document is loaded. */
interface LoadOptions {
  /** Stops the fetch of a document. */
  signal?: AbortSignal;
  /** The user whose turn the document takes among the large ones; the server's own when missing. */
  party?: string | undefined;
  /** Whether the operator wrote the entry: only such an entry may start a program of this machine. */
  byOperator?: boolean;
}

/**
 * All kinds of documents behind one door. A document goes through these steps: its text is fetched when it is a URL,
 * parsed as JSON or YAML, given to the kind that recognizes it, and compiled to tools. The compiled document is kept by the
 * hash of its text and its options.
 *
 * Contract:
 * - `load` rejects with an AppError only: a SpecError when the document cannot be used.
 * - The same document with the same options is compiled once and shared, however many sessions load it.
 * - `close` drops every unused document. A document in use is dropped when it is released.
 */
export interface Openspecs {
  /**
   * The entry with the text behind its URL, so that it stays as it is now; the URL is its `source` then. Any other entry is its own pin.
   * Rejects as `load` does.
   */
  pin<Entry extends DocumentEntry>(entry: Entry, options?: Pick<LoadOptions, 'signal'>): Promise<Entry>;
  load(entry: DocumentEntry, options?: LoadOptions): Promise<LoadedSpec>;
  close(): void;
}

/** The kinds of documents, and the limits of the cache. */
export interface OpenspecsOptions {
  /** A document belongs to the first kind that recognizes it. */
  kinds: readonly OpenspecKind[];
  /** Asks an endpoint for its document's text; without it a URL is refused. */
  discover?: (url: string, connection: Connection, signal: AbortSignal | undefined) => Promise<string>;
  /** Whether `source` may name a file, so that files beside it are read: for documents of the command line only. */
  readFiles?: boolean;
  /** Whether documents are also held against the schemas of their family: for the command line. */
  validate?: boolean;
  /** Unused documents that are kept compiled: 32 of together 128 MiB of memory (memoryOf). */
  idleMaxCount?: number;
  idleMaxBytes?: number;
}

/** Opens the door to `kinds`; nothing is compiled yet. */
export function openOpenspecs(options: OpenspecsOptions): Openspecs {
  const { kinds, discover, readFiles = false, validate = false } = options;
  const cache = new LoanCache<CompiledSpec>({
    idleMaxCount: options.idleMaxCount ?? 32,
    idleMaxBytes: options.idleMaxBytes ?? 128 * 1024 * 1024,
    // A document that reserves something outside (a bus) must not keep it from others.
    mayIdle: (spec) => spec.close === undefined,
    drop: (spec) => spec.close?.(),
  });

  const pin: Openspecs['pin'] = async (entry, { signal } = {}) => {
    const { openSpec } = entry;
    if (typeof openSpec !== 'string' || !isDocumentUrl(openSpec)) return entry;
    if (discover === undefined) throw new SpecError(`The document is a URL; send the document itself.`);
    const source = openSpec.trim();
    const text = await discover(source, connectionOf(entry), signal);
    return { ...entry, openSpec: blotOwnSecrets(text, secretsOf(entry)), source };
  };

  return {
    pin,
    async load(asked, { signal, party, byOperator = false } = {}) {
      if (!byOperator) refuseProgram(asked);
      const entry = await pin(asked, { ...(signal && { signal }) });
      const connection = connectionOf(entry);
      const compileOptions = { ...compileOptionsOf(entry, readFiles), ...(validate ? { validate } : {}) };
      // A device may show the key that it got, and the model sees the words of the document.
      const openSpec =
        entry.openSpec ?? blotOwnSecrets(await describe(kinds, entry, connection, signal), secretsOf(entry));
      const { hash, text } = await hashedDocument(openSpec);
      const loan = await cache.borrow(`${hash} ${JSON.stringify(compileOptions)}`, async () => {
        const whole = text ?? (await documentTextOf(openSpec));
        return compile(whole, kinds, compileOptions, {
          protocol: entry.protocol,
          party,
          isJson: isObject(openSpec) && (!isLongTextValue(openSpec) || openSpec.isObject === true),
        });
      });
      const { kind } = loan.value;
      if (!accepts(kinds, kind, entry.protocol)) {
        loan.release();
        throw disagreement(entry.protocol, kind);
      }
      try {
        const giveBack = loan.value.reserve?.(connection);
        return {
          spec: loan.value,
          connection,
          release() {
            giveBack?.();
            loan.release();
          },
        };
      } catch (error) {
        loan.release();
        throw error;
      }
    },
    close: () => cache.close(),
  };
}

/** Throws `forbidden` for an entry that starts a program. */
function refuseProgram(entry: DocumentEntry): void {
  const faults = programFaults(entry);
  const texts = faults.map(({ pointer, detail }) => `${pointer} ${detail}`);
  if (faults.length > 0) throw new AppError('forbidden', `${texts.join('; ')}.`, { faults });
}

/** The document that a device says itself. */
async function describe(
  kinds: readonly OpenspecKind[],
  { protocol }: DocumentEntry,
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<string> {
  const kind = kinds.find(
    (one) => one.describe && protocol !== undefined && one.protocols.includes(protocol),
  );
  if (kind?.describe) return kind.describe(connection, signal);
  const detail = 'is missing';
  throw new SpecError(`"openSpec" ${detail}.`, [{ pointer: '', detail }]);
}

/** Parses a text and compiles it with the kind that recognizes it; `bytes` of memory. Rejects with an AppError only. */
async function compile(
  text: LongText,
  kinds: readonly OpenspecKind[],
  options: CompileOptions,
  {
    protocol,
    party,
    isJson,
  }: { protocol: DocumentEntry['protocol']; party: string | undefined; isJson: boolean },
): Promise<{ value: CompiledSpec; bytes: number }> {
  const { document, warnings, read } = await parseText(text, { party }, { isJson });
  const kind = findKind(kinds, document);
  if (!accepts(kinds, kind.name, protocol)) throw disagreement(protocol, kind.name);
  try {
    const spec = await kind.compile(document, options);
    const value = warnings.length === 0 ? spec : withWarnings(spec, warnings);
    return { value, bytes: await memoryOf(read) };
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof RangeError) throw new SpecError('The document is nested too deeply.', [], error);
    throw new AppError('internal', 'The document could not be compiled.', { cause: error });
  }
}

/** A compiled document with the warnings of its text before its own. Its own may cost time, and are not made here. */
function withWarnings(spec: CompiledSpec, first: readonly string[]): CompiledSpec {
  const { kind, title, operations, tools, skipped } = spec;
  return {
    kind,
    title,
    operations,
    tools,
    skipped,
    get warnings() {
      return [...first, ...spec.warnings];
    },
    ...(spec.close === undefined ? {} : { close: () => spec.close?.() }),
  };
}

/** Whether the client's `protocol` names this kind of document. */
function accepts(kinds: readonly OpenspecKind[], name: string, protocol: string | undefined): boolean {
  if (protocol === undefined) return true;
  return kinds.some((kind) => kind.name === name && kind.protocols.includes(protocol));
}

function disagreement(protocol: DocumentEntry['protocol'], kind: string): SpecError {
  return new SpecError(`The protocol says "${protocol}", but the document is ${kind}.`);
}

/** Whether the place of a document has the URL of one. */
export function isDocumentUrl(text: string): boolean {
  return text.length < 4096 && /^\s*https?:\/\/\S+\s*$/i.test(text);
}

/** The part of an entry that belongs to its session alone. */
function connectionOf(entry: DocumentEntry): Connection {
  const { server, command, env, apiKey, credentials, credentialOrigins } = entry;
  return {
    ...(command === undefined ? {} : { command }),
    ...(env === undefined ? {} : { env }),
    ...(server === undefined ? {} : { server }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(credentialOrigins === undefined ? {} : { credentialOrigins }),
  };
}

/**
 * The part of an entry that changes the compiled document. A path is taken as the source only where files may be
 * read.
 */
function compileOptionsOf(entry: DocumentEntry, readFiles: boolean): CompileOptions {
  const { include, exclude, within, paramStructure, source } = entry;
  const trusted = source !== undefined && (readFiles || isDocumentUrl(source));
  return {
    ...(include === undefined ? {} : { include }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(within === undefined ? {} : { within }),
    ...(paramStructure === undefined ? {} : { paramStructure }),
    ...(trusted ? { source } : {}),
  };
}
