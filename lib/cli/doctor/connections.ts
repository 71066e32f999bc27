import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createConnection } from 'node:net';
import { withDeadline } from '../../common/deadline.ts';
import type { Config } from '../../config.ts';
import { egressFetch } from '../../drivers/egress-fetch.ts';
import { egressOptionsOf } from '../../drivers/egress-options.ts';
import { openEgress, type Egress } from '../../drivers/egress.ts';
import { AppError, messageOf } from '../../errors.ts';
import { quiet } from '../../log.ts';
import { openCompletions } from '../../models/completions.ts';
import { pendingMigrations } from '../../store/database.ts';
import { openOwnDocument } from '../document.ts';
import type { Check } from './machine.ts';

/** How long each connection may take. */
const DEADLINE_MS = 10_000;

/** Runs a check; its failure is a result, too. */
async function attempt(name: string, work: (signal: AbortSignal) => Promise<string>): Promise<Check> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  // The signal alone is not enough: a database knows no signal.
  const late = (): AppError => new AppError('timeout', `no answer within ${DEADLINE_MS / 1000} s`);
  try {
    return { name, state: 'ok', detail: await withDeadline(work(signal), DEADLINE_MS, late) };
  } catch (error) {
    const cause = error instanceof AppError && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
    return {
      name,
      state: 'failed',
      detail: messageOf(error) + (error instanceof AppError && error.code === 'timeout' ? '' : cause),
    };
  }
}

/** Runs work with a door out, which is closed after it. */
async function throughEgress<T>(config: Config, work: (egress: Egress) => Promise<T>): Promise<T> {
  // With `none` the whole reason of a refusal is shown: whoever runs the doctor may read it.
  const egress = openEgress(egressOptionsOf({ ...config, auth: 'none' }, quiet));
  try {
    return await work(egress);
  } finally {
    await egress.close();
  }
}

/** Whether the database can be reached, and has the newest schema. Nothing is made or changed. */
export function checkDatabase({ databaseUrl }: Config): Promise<Check> {
  return attempt('database', async () => {
    const file = /^sqlite:(.*)$/s.exec(databaseUrl)?.[1];
    if (file === ':memory:') return 'in memory: nothing is kept';
    if (file !== undefined && !existsSync(file)) {
      requireFolder(dirname(file));
      return `${file} is made at the first start`;
    }
    const pending = await pendingMigrations(databaseUrl);
    const where = file ?? 'PostgreSQL answers';
    return pending.length === 0
      ? `${where}, newest schema`
      : `${where}, ${pending.length} changes of the schema come at the next start`;
  });
}

/** Throws where a folder is not there and cannot be made. */
function requireFolder(folder: string): void {
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  if (!statSync(there).isDirectory())
    throw new AppError('invalid_request', `the folder ${folder} cannot be made: ${there} is a file`);
  accessSync(there, constants.W_OK);
}

/** Whether the endpoint of the model answers. */
export function checkModel(config: Config): Promise<Check> {
  return attempt('model', (signal) =>
    throughEgress(config, async (egress) => {
      const { baseUrl, model } = config.model;
      if (baseUrl === undefined) return 'the offline demo model; baseUrl and apiKey name another';
      const completions = openCompletions({ endpoint: config.model, fetch: egressFetch(egress) });
      const names = (await completions.models(signal)).map(({ id }) => id);
      const known = names.includes(model)
        ? `it has ${model}`
        : `${model} is not in its list of ${names.length}`;
      return `${baseUrl} answers; ${known}`;
    }),
  );
}

/** Whether a document can be used and its devices can be reached, or a device at host:port. */
export function checkPlace(place: string, config: Config): Promise<Check> {
  return attempt(place, (signal) =>
    throughEgress(config, async (egress) => {
      if (isAddress(place)) return reach(egress, place);
      const { spec, connection, close } = await openOwnDocument(place, {}, signal);
      try {
        const devices = new Set(spec.tools.flatMap((tool) => tool.device?.(connection) ?? []));
        const reached: string[] = [];
        // One after the other: a device may take one connection at a time.
        for (const device of devices) reached.push(await reach(egress, device));
        return [`${spec.kind}, ${spec.tools.length} tools`, ...reached].join('; ');
      } finally {
        await close();
      }
    }),
  );
}

/** Whether a place is `host:port`, and no file. */
function isAddress(place: string): boolean {
  return /^(\[[^\]]+\]|[^:/\s]+):\d{1,5}$/.test(place) && !existsSync(place);
}

/** Connects to a device, and disconnects. Rejects when it cannot be reached. */
async function reach(egress: Egress, device: string): Promise<string> {
  const isUdp = /^udp:/i.test(device);
  const url = new URL(
    device.includes('://') ? device.replace(/^(?!https?:)[^:]+:/i, 'tcp:') : `tcp://${device}`,
  );
  // UDP has no connection to be tried, and a serial port has no host.
  if (isUdp || url.hostname === '') return `${device} is not tried`;
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const { address } = await egress.resolve(url.hostname, port);
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection({ host: address, port, timeout: DEADLINE_MS / 2 });
    const end = (settle: () => void): void => {
      socket.destroy();
      settle();
    };
    socket.once('connect', () => end(resolve));
    socket.once('timeout', () => end(() => reject(new AppError('timeout', `${device} does not answer`))));
    socket.once('error', (cause) =>
      end(() => reject(new AppError('unavailable', `${device} cannot be reached`, { cause }))),
    );
  });
  return `${device} can be reached`;
}
