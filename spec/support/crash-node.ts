// A node of the crash harness: the real server in a process of its own, which may be told to die at a point of its work.
import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../lib/config.ts';
import { openApp } from '../../lib/app.ts';
import type { App } from '../../lib/app.ts';
import { openLog } from '../../lib/log.ts';
import { openStoreOn } from '../../lib/store/index.ts';
import { watchSends, withCrashPoints, withoutJournal } from './crash-points.ts';
import type { CrashPoint, CrashSignal } from './crash-points.ts';

/** What the harness tells a node. */
export interface NodeStart {
  settings: Record<string, string>;
  leaseMs: number;
  /** False: without the journal. */
  journal: boolean;
  /** A folder with a file for each point at which a node is to crash. */
  orders: string;
}

/** What a node tells the harness. */
export type NodeNews =
  | { type: 'loaded' }
  | { type: 'listening'; url: string }
  | { type: 'reached'; point: CrashPoint; signal: CrashSignal };

let app: App | undefined;

function tell(news: NodeNews): void {
  process.send?.(news);
}

/** Crashes where it is asked of the first node that comes here. */
function reach(point: CrashPoint, orders: string): void {
  const signal = takeOrder(join(orders, point));
  if (!signal) return;
  tell({ type: 'reached', point, signal });
  process.kill(process.pid, signal);
}

/** The signal in the file, for the node that removes it. */
function takeOrder(file: string): CrashSignal | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const signal = readFileSync(file, 'utf8') as CrashSignal | '';
    if (signal === '') return undefined; // it is being written
    unlinkSync(file);
    return signal;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined; // another node was faster
  }
}

async function start({ settings, leaseMs, journal, orders }: NodeStart): Promise<void> {
  const reachPoint = (point: CrashPoint): void => reach(point, orders);
  watchSends(reachPoint);
  const config = readConfig({ env: {}, fixed: settings, cwd: settings['DATA_DIR'] ?? '/' });
  const log = await openLog({ level: config.logLevel });
  app = await openApp(config, log, {
    async openStore(database, options) {
      const store = await openStoreOn(database, { ...options, leaseMs });
      return withCrashPoints(journal ? store : withoutJournal(store), reachPoint);
    },
  });
  tell({ type: 'listening', url: app.url });
}

process.on('message', (told: NodeStart) => {
  start(told).catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => {
  Promise.resolve(app?.close()).then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
tell({ type: 'loaded' });
