import type { JsonObject } from '../common/json.ts';
import type { Connection, Tool } from '../core/tool.ts';
import type { Drivers } from '../drivers/drivers.ts';
import type { SimulateOptions, Simulation } from '../simulate/simulation.ts';

/** A choice of operations: by tag, HTTP method, path (whole, or a prefix that ends in `*`). An empty list says nothing. */
export interface OperationFilter {
  tags?: string[];
  methods?: string[];
  paths?: string[];
}

/** How a session wants a document compiled. */
export interface CompileOptions {
  /** Only the operations that match become tools. */
  include?: OperationFilter;
  /** The operations that match become no tools. */
  exclude?: OperationFilter;
  /** A further choice: only operations that both choose become tools. */
  within?: Pick<CompileOptions, 'include' | 'exclude'>;
  /** OpenRPC: how params are sent, instead of the way that the document says. */
  paramStructure?: 'by-name' | 'by-position';
  /**
   * Where the document came from (a file's path or a URL): relative servers are resolved against a URL, and other files
   * of a multi-file document are read beside a file. Missing for a document that a client sent: nothing else is read then.
   */
  source?: string;
  /** Whether the warnings also hold the findings of the family's own schemas. This is slow; it is for authors. */
  validate?: boolean;
}

/** A document turned into tools. `tools.length + skipped.length === operations`, always. */
export interface CompiledSpec {
  /** The name of the document's kind. */
  kind: string;
  title: string;
  operations: number;
  tools: Tool[];
  skipped: { operation: string; reason: string }[];
  /** The odd things about the document, in plain words. */
  warnings: string[];
  /** The names by which the document asks for credentials; missing where a credential of any name is sent. */
  credentialNames?: readonly string[];
  /**
   * Reserves the things outside that one session's calls need (a bus's link settings), for the address that the session
   * uses. Returns the way out. Throws a SpecError when another document in use needs them otherwise.
   */
  reserve?(connection: Connection): () => void;
  /** Gives back the things that compiling reserved. Called once, when no session uses the tools. */
  close?(): void;
}

/** How a kind of document is called and recognized. */
export interface KindNames {
  /** The name in results, options and error messages. */
  readonly name: string;
  /** The values of `protocol` that a client may give for such a document (contract 1, `POST /init`). */
  readonly protocols: readonly string[];
  /** The keys by which an author marks a document as one of this kind; error messages list them. */
  readonly rootKeys: readonly string[];
  /** Whether a document says that it is of this kind. */
  detect(document: JsonObject): boolean;
}

/**
 * A family of documents that describe a device, over an open driver.
 *
 * Contract:
 * - `compile` throws a SpecError for a document that cannot be used at all. A fault of one operation costs only that
 *   operation (it is in `skipped` with the reason). A document without operations compiles to no tools and a warning.
 * - `compile` never changes its input, never reads the network, and reads a file only beside `options.source`.
 * - The same document gives the same tools, names included, every time.
 */
export interface OpenspecKind extends KindNames {
  /**
   * Asks a device for its document, where an entry has none. Missing for kinds whose devices do not say theirs. Rejects with an
   * AppError, which is a SpecError where the device cannot be used.
   */
  describe?(connection: Connection, signal?: AbortSignal): Promise<string>;
  compile(document: JsonObject, options: CompileOptions): Promise<CompiledSpec>;
}

/** Everything about a kind of document. A new kind is one folder with this definition, and one line in the table of kinds. */
export interface KindDefinition extends KindNames {
  /** The kind over the drivers that it asks for by name. */
  open(drivers: Drivers): OpenspecKind;
  /** Serves a document as a device; the simulator is loaded when it is first needed. */
  simulate(document: JsonObject, options: SimulateOptions): Promise<Simulation>;
}
