import type { JsonObject } from '../common/json.ts';
import type { Tool } from '../core/tool.ts';

/** Which operations of a document become tools: by tag, HTTP method, path (exact, or a prefix ending in `*`). */
export interface OperationFilter {
  tags?: string[];
  methods?: string[];
  paths?: string[];
}

export interface CompileOptions {
  include?: OperationFilter;
  exclude?: OperationFilter;
  /** OpenRPC: how params are sent, instead of what the document says. */
  paramStructure?: 'by-name' | 'by-position';
  /**
   * Where the document came from (a file's path or a URL): relative servers are resolved against a URL, and other files
   * of a multi-file document are read beside a file. Missing for a document sent by a client: nothing else is ever read.
   */
  source?: string;
  /** Tells in the warnings what the family's own schemas find wrong, too: slow, for whoever writes documents. */
  validate?: boolean;
}

/** A document turned into tools. `tools.length + skipped.length === operations`, always. */
export interface CompiledSpec {
  kind: 'openapi' | 'openrpc' | 'openmodbus';
  title: string;
  operations: number;
  tools: Tool[];
  skipped: { operation: string; reason: string }[];
  /** What is odd about the document, in plain words. */
  warnings: string[];
  /** Gives back what loading reserved (e.g. a bus's link settings). Called once, when no session uses it any more. */
  close?(): void;
}

/**
 * A family of documents that describe a device.
 *
 * Contract:
 * - `compile` throws a SpecError for a document that cannot be used at all; a fault of one operation costs only that
 *   operation (it is in `skipped` with the reason). A document without operations compiles to no tools and a warning.
 * - It never changes its input, never reads the network, and a file only beside `options.source`.
 * - The same document gives the same tools, names included, every time.
 */
export interface OpenspecKind {
  readonly name: CompiledSpec['kind'];
  /** Whether a document says it is of this kind. */
  detect(document: JsonObject): boolean;
  compile(document: JsonObject, options: CompileOptions): Promise<CompiledSpec>;
}
