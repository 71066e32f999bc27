import { AppError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { isDocumentUrl, type Openspecs } from '../openspec/openspecs.ts';
import { checkDevice } from './check-device.ts';
import { deviceNameSchema } from './device-schema.ts';
import { readDeviceFolder, readRulesFile, type DeviceFile } from './device-folder.ts';
import { parseRules, type RuleCircumstances } from './parse-rules.ts';
import type { DeviceRegistry } from './registry.ts';
import type { RuleBooks } from './rule-books.ts';

/** Where the files of devices and rules are, and where they go. */
export interface DeviceFilesOptions {
  /** DEVICES_DIR and RULES_FILE; undefined where they are not set. */
  folder: string | undefined;
  rulesFile: string | undefined;
  registry: DeviceRegistry;
  books: RuleBooks;
  openspecs: Openspecs;
  circumstances: RuleCircumstances;
  log: Pick<Log, 'warn' | 'error' | 'info'>;
}

/** Reads RULES_FILE. Throws `invalid_request` when it cannot be read or has a fault: a server without its rules protects nothing. */
export async function loadServerRules(options: DeviceFilesOptions): Promise<void> {
  const { rulesFile, books, circumstances } = options;
  if (rulesFile !== undefined)
    books.setServerRules(parseRules(await readRulesFile(rulesFile), '', circumstances));
}

/**
 * Reads DEVICES_DIR. Throws `invalid_request` when the folder cannot be read. A file with a fault is no error: its device is broken,
 * and says why. The document behind a URL is asked for anew with `asksUrls`; else the text holds that was checked before.
 */
export async function loadDeviceFolder(options: DeviceFilesOptions, asksUrls = false): Promise<void> {
  const { folder } = options;
  const files = folder === undefined ? [] : await readDeviceFolder(folder);
  const taken = new Set<string>();
  for (const file of files) {
    if (taken.has(file.name)) warn(options, file, `the name ${file.name} is that of another file`);
    else await takeFile(options, asksUrls ? file : await withCheckedText(file, options.registry));
    taken.add(file.name);
  }
  // A file with a fault is among them: only a file that is gone removes its device.
  await options.registry.keepFiles([...taken]);
}

/** Reads the files again, and the documents behind URLs. Rules or a folder that cannot be read stay as they were, and the log says why. Never rejects. */
export async function reloadDeviceFiles(options: DeviceFilesOptions): Promise<void> {
  for (const [what, load] of [
    ['RULES_FILE', loadServerRules],
    ['DEVICES_DIR', (parts: DeviceFilesOptions) => loadDeviceFolder(parts, true)],
  ] as const) {
    try {
      await load(options);
      options.log.info({}, `${what} was read again`);
    } catch (error) {
      options.log.error(
        { err: error },
        `${what} was not taken, its earlier state holds: ${messageOf(error)}`,
      );
    }
  }
}

/** The file with the text that was checked, where its document is behind the same URL still. */
async function withCheckedText(file: DeviceFile, registry: DeviceRegistry): Promise<DeviceFile> {
  const { openSpec } = file.value ?? {};
  if (typeof openSpec !== 'string' || !isDocumentUrl(openSpec)) return file;
  const known = await registry.find(file.name);
  const { openSpec: text, source } = known?.definition ?? {};
  if (known?.origin !== 'file' || source !== openSpec.trim() || text === undefined) return file;
  return { ...file, value: { ...file.value, openSpec: text, source } };
}

/** Takes over one file. A fault is logged, and makes the device broken; for a name of the API it is logged only. */
async function takeFile(options: DeviceFilesOptions, file: DeviceFile): Promise<void> {
  const { registry, openspecs, circumstances } = options;
  try {
    const fault = file.fault ?? (await faultOf(file, registry, openspecs, circumstances));
    if (fault === undefined) return;
    warn(options, file, fault);
    if (new RegExp(deviceNameSchema.pattern).test(file.name)) await registry.breakFile(file.name, fault);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
    warn(options, file, error.message);
  }
}

/** Stores the device of a file; the fault when it cannot be used. */
async function faultOf(
  { file, value }: DeviceFile,
  registry: DeviceRegistry,
  openspecs: Openspecs,
  circumstances: RuleCircumstances,
): Promise<string | undefined> {
  try {
    await registry.putFile(await checkDevice(value, openspecs, { ...circumstances, byOperator: true }));
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'invalid_request') throw error;
    return `${file}: ${error.message}`;
  }
}

/** A warning that names the file. The server starts all the same. */
function warn({ log }: DeviceFilesOptions, { file }: DeviceFile, text: string): void {
  log.warn({ file }, `a device of DEVICES_DIR cannot be used: ${text}`);
}
