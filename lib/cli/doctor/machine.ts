import { existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config.ts';
import { privatePathsOf } from '../../data-folder.ts';

/** One thing that was looked at. A warning is no failure. */
export interface Check {
  name: string;
  state: 'ok' | 'warning' | 'failed';
  detail: string;
}

/** The oldest Node that the server runs on (`engines` of package.json). */
const NODE_OLDEST = [20, 19] as const;
const MiB = 1024 * 1024;
/** With less, the next log or database line may find no room. */
const DISK_LEAST_BYTES = 100 * MiB;
const DISK_FEW_BYTES = 1024 * MiB;
/** The bits of a mode that open a file to other users. */
const OTHERS = 0o077;

/** The version of Node. */
export function checkNode(version: string = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < NODE_OLDEST[0] || (major === NODE_OLDEST[0] && minor < NODE_OLDEST[1]);
  if (isOld)
    return { name: 'Node', state: 'failed', detail: `${version} is older than ${NODE_OLDEST.join('.')}` };
  return { name: 'Node', state: 'ok', detail: version };
}

/** The modes of the files that only the user of the server may read: one check for each that is open, or one for all. */
export function checkFiles(config: Config): Check[] {
  const paths = privatePathsOf(config);
  const open = paths.flatMap((path): Check[] => {
    const found = existsSync(path) ? statSync(path) : undefined; // a file may be on the way to it
    if (!found || process.getuid === undefined || (found.mode & OTHERS) === 0) return [];
    // A log may be a device such as /dev/stdout, whose mode is not ours.
    if (!found.isFile() && !found.isDirectory()) return [];
    const mode = found.isFile() ? '600' : '700';
    return [
      { name: 'files', state: 'failed', detail: `${path} is open to other users: chmod ${mode} ${path}` },
    ];
  });
  return open.length > 0 ? open : [{ name: 'files', state: 'ok', detail: 'closed to other users' }];
}

/** The room on the disk of the data folder. */
export async function checkDisk({ dataDir }: Config): Promise<Check> {
  let folder = dataDir;
  // The folder may not be made yet: it will be on the disk of the one above it.
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const detail = `${Math.floor(free / MiB)} MiB are free in ${folder}`;
  return {
    name: 'disk',
    state: free < DISK_LEAST_BYTES ? 'failed' : free < DISK_FEW_BYTES ? 'warning' : 'ok',
    detail,
  };
}
