import { createUserLookup } from '../accounts/user-lookup.ts';
import { readConfig, type Config } from '../config.ts';
import { openDataFolder } from '../data-folder.ts';
import type { Devices } from '../devices/devices.ts';
import { devicesFromConfig } from '../devices/from-config.ts';
import { connectAndLeave } from '../drivers/connect.ts';
import { egressOptionsOf } from '../drivers/egress-options.ts';
import { openEgress } from '../drivers/egress.ts';
import { AppError } from '../errors.ts';
import { openLog } from '../log.ts';
import { openDocuments } from '../openspecs.ts';
import { connectDatabase } from '../store/database.ts';
import { createVault } from '../store/vault.ts';

/** The devices of the settings' database, in this process. */
export interface OwnDevices {
  devices: Devices;
  limits: Config['limits'];
  close(): Promise<void>;
}

/** Opens the devices in the database of the settings. A running server sees a change with the next task. Throws an AppError. */
export async function openOwnDevices(): Promise<OwnDevices> {
  const config = readConfig();
  const { databaseUrl, sqliteSynchronous: synchronous, limits } = config;
  if (databaseUrl === 'sqlite::memory:')
    throw new AppError(
      'invalid_request',
      'DATABASE_URL is in memory, so no device would be kept. Set another.',
    );
  const log = await openLog({ level: config.logLevel, file: config.logFile, pretty: process.stderr.isTTY });
  // In reverse order: the log is closed last, so that it gets the faults of the others.
  const undo: (() => Promise<void> | void)[] = [() => log.close()];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    // The keys of devices are sealed under the key in DATA_DIR.
    const vault = createVault(openDataFolder(config, log));
    const onError = (error: unknown): void => log.error({ err: error }, 'the database');
    const database = await connectDatabase({ databaseUrl, synchronous, onError });
    undo.push(() => database.close());
    const egress = openEgress(egressOptionsOf(config, log));
    undo.push(() => egress.close());
    const { toolResultMaxBytes: resultMaxBytes, initMaxBytes: documentMaxBytes } = limits;
    const documents = openDocuments({ egress, resultMaxBytes, documentMaxBytes });
    undo.push(() => documents.close());
    const devices = devicesFromConfig(config, {
      db: database.tables(),
      vault,
      openspecs: documents.openspecs,
      log,
      users: createUserLookup(database.tables()),
      connect: (address, signal) => connectAndLeave(egress, address, signal),
    });
    // The rules of the server hold for calls of this command, too.
    await devices.loadRules();
    return { devices, limits, close };
  } catch (error) {
    await close();
    throw error;
  }
}
