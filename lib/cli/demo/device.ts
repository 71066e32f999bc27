import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../common/json.ts';
import { packageRoot } from '../../package.ts';

/** A device of the demo and the examples, on loopback: no hardware moves. */
export interface SimulatedDevice {
  /** Where its document's server is, as the `server` of an openSpecList entry takes it. */
  server: string;
  /** Its whole state in a line, for people. */
  state(): string;
  /** Frees its port at once; open connections are cut. */
  close(): Promise<void>;
}

/** A document of examples/. */
export async function readExample(name: string): Promise<JsonObject> {
  return JSON.parse(await readFile(join(packageRoot(), 'examples', name), 'utf8')) as JsonObject;
}
