import type { JsonValue } from '../common/json.ts';
import type { DeviceFault } from './fault.ts';

/**
 * A device that a document describes, made up: no hardware moves. It holds values as a real device does, and fails on
 * command. Each kind of document has a simulator that makes such a device.
 */
export interface Simulated {
  /** Where it is, as `server` of an openSpecList entry takes it. */
  readonly server: string;
  /** The range of an exception's code: from, to. */
  readonly exceptionCodes: readonly [number, number];
  /** When it was last asked for something, in ms since the epoch; at first when it began. */
  usedAt(): number;
  /** Its values, by the name of a function or a method, or by path. */
  state(): Record<string, JsonValue | undefined>;
  /** One value, also one that was not looked at before; undefined for an unknown name. */
  value(name: string): JsonValue | undefined;
  /** Puts a value in place; throws an AppError: `not_found`, or `invalid_request` when it does not fit. */
  set(name: string, value: JsonValue): void;
  /** Begins a fault; undefined ends it. */
  fault(fault: DeviceFault | undefined): void;
  /** Frees its port at once; open connections are cut. */
  close(): Promise<void>;
}
