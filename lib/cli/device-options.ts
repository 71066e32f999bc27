import type { Command } from 'commander';
import type { JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { credentialsOf, credentialsShape } from './credentials.ts';

/** Where the devices of some documents are, and their keys. The first value is for the first document, and so on. */
export interface DeviceOptions {
  /** `-` keeps the address of the document. */
  server?: string[];
  /** JSON, as credentials.ts reads it. */
  credentials?: string[];
}

/** Adds `--server` and `--credentials` for commands that take several documents. */
export function addDeviceOptions(command: Command): Command {
  return command
    .option(
      '--server <url...>',
      "the address of each device (base URL, or host:port) instead of its document's own, in the order of the documents; - keeps the document's",
    )
    .option(
      '--credentials <json...>',
      `the keys of each device, in the order of the documents: ${credentialsShape}`,
    );
}

/** The entries of documents, each with its device's address and keys. Throws an AppError for options without a document. */
export function withDevices(
  entries: readonly JsonObject[],
  { server = [], credentials = [] }: DeviceOptions,
): JsonObject[] {
  for (const [name, values] of [
    ['--server', server],
    ['--credentials', credentials],
  ] as const)
    if (values.length > entries.length)
      throw new AppError(
        'invalid_request',
        `${name} has ${values.length} values, and there are ${entries.length} documents: give one for each document, in their order.`,
      );
  return entries.map((entry, at) => {
    const address = server[at];
    return {
      ...entry,
      ...(address !== undefined && address !== '-' && { server: address }),
      ...(credentialsOf(credentials[at]) as JsonObject),
    };
  });
}
