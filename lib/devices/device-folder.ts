import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import type { JsonObject } from '../common/json.ts';
import { AppError, messageOf, SpecError } from '../errors.ts';
import { parseText } from '../openspec/parse.ts';

/** A file of DEVICES_DIR: the device that it describes, or why it cannot be read. */
export interface DeviceFile {
  file: string;
  /** The name in the file, else the name of the file. */
  name: string;
  value: JsonObject | undefined;
  fault: string | undefined;
}

const DEVICE_FILE = /\.(ya?ml|json)$/i;
/** One word with such an ending is a path. Any other text is a document or an address. */
const DOCUMENT_PLACE = /^[^\s{}]+\.(ya?ml|json)$/i;

/**
 * Reads the files of a folder, in the order of their names; a file with a fault stops no other. A document may be the path of a file,
 * relative to the folder. Throws `invalid_request` when the folder itself cannot be read.
 */
export async function readDeviceFolder(folder: string): Promise<DeviceFile[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw new AppError('invalid_request', `DEVICES_DIR cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const files = names.filter((name) => DEVICE_FILE.test(name) && !name.startsWith('.')).toSorted();
  return Promise.all(files.map((file) => readDeviceFile(folder, file)));
}

async function readDeviceFile(folder: string, file: string): Promise<DeviceFile> {
  // A file that cannot be read has to be listed under some name.
  const named = basename(file, extname(file))
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-');
  const name = named.replace(/^-+/, '').slice(0, 63) || 'device';
  try {
    const { document } = await parseText(await readFile(resolve(folder, file), 'utf8'));
    // The name of the file counts where the file names no device.
    const value = { name, ...document };
    const { openSpec } = value as JsonObject;
    if (typeof openSpec === 'string' && DOCUMENT_PLACE.test(openSpec) && !/^https?:/i.test(openSpec))
      Object.assign(value, { openSpec: await readFile(resolve(folder, openSpec), 'utf8') });
    return { file, name: typeof value.name === 'string' ? value.name : name, value, fault: undefined };
  } catch (error) {
    return { file, name, value: undefined, fault: `${file}: ${messageOf(error)}` };
  }
}

/** The value in a file of rules; undefined for an empty file. Throws `invalid_request` with the `setting` when it cannot be read. */
export async function readRulesFile(path: string, setting = 'RULES_FILE'): Promise<JsonObject | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    return text.replaceAll(/^\s*#.*$/gm, '').trim() === '' ? undefined : (await parseText(text)).document;
  } catch (error) {
    const faults = error instanceof SpecError ? error.faults : [];
    throw new AppError('invalid_request', `${setting} cannot be read: ${messageOf(error)}`, {
      cause: error,
      faults,
    });
  }
}
