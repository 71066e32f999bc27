import type { Dispatcher } from 'undici';

/** Where outgoing calls may go; lists of host, host:port and CIDR. Deny wins; metadata addresses are always denied. */
export interface EgressOptions {
  allow: readonly string[];
  deny: readonly string[];
  /** Loopback and private addresses, where no list says otherwise. */
  allowPrivate: boolean;
  /** Serial devices documents may open: paths, or `*`. */
  serialAllow: readonly string[];
}

/**
 * The one door out: every HTTP, JSON-RPC, Modbus and model connection goes through it.
 *
 * Contract: a refusal is an AppError `forbidden` that names the setting to change; it comes before a byte leaves.
 */
export interface Egress {
  /** An address to connect to, checked (names are resolved here, so that what was checked is what is used). */
  resolve(host: string, port: number): Promise<{ address: string; family: 4 | 6 }>;
  /** Throws unless a serial device may be opened. */
  checkSerial(path: string): void;
  /** An undici dispatcher (pooled by origin) whose connections are checked at connect time; literals too. */
  readonly dispatcher: Dispatcher;
  close(): Promise<void>;
}
