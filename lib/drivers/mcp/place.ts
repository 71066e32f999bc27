/** The place of a server that is reached over HTTP. */
export interface HttpPlace {
  /** An http(s) URL without user info. */
  url: string;
  /** With the key. */
  headers: Record<string, string>;
}

/** A server that is a process of this machine. */
export interface ProcessPlace {
  /** The program and its arguments. */
  command: readonly string[];
  /** Variables of its environment, beside those that every program needs. */
  env: Readonly<Record<string, string>>;
}

/** A server, with the key that it gets. */
export type McpPlace = HttpPlace | ProcessPlace;
