import type { DeviceDefinition } from './device-schema.ts';

/** The facts of a version that need neither its keys nor its document. */
export interface DeviceFacts {
  title: string;
  /** The kind of its document. */
  kind: string;
  /** The number of its tools. */
  tools: number;
  tags: string[];
  users: string[];
  enabled: boolean;
}

/** One version of a device that the server knows, without its document, its keys and its rules. */
export interface ListedDevice {
  readonly name: string;
  /** 1, 2, …; 0 for a file that could never be used. */
  readonly version: number;
  /** `file`: a file of DEVICES_DIR describes it, and the API cannot change it. */
  readonly origin: 'api' | 'file';
  /** Why its file cannot be used now. */
  readonly fault: string | undefined;
  readonly isRemoved: boolean;
  readonly facts: DeviceFacts;
  /** Ms since the epoch. */
  readonly madeAt: number;
}

/** One version of a device that the server knows. */
export interface Device extends ListedDevice {
  /** With its keys in clear; undefined for version 0. */
  readonly definition: DeviceDefinition | undefined;
}

/** Why calls of a device are refused, in words; undefined where they are not. */
export function refusalOfDevice(name: string, device: ListedDevice | undefined): string | undefined {
  if (device === undefined || device.isRemoved) return `The device "${name}" was removed.`;
  if (device.fault !== undefined) return `The device "${name}" cannot be used: ${device.fault}`;
  return device.facts.enabled ? undefined : `The device "${name}" is disabled.`;
}
