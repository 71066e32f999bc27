// A node of the crash harness: the real server in a process of its own, which may be told to die at a point of its work.
import { readConfig } from '../../lib/config.ts';
import { openApp } from '../../lib/app.ts';
import type { App } from '../../lib/app.ts';
import { openLog } from '../../lib/log.ts';
import { openStoreOn } from '../../lib/store/index.ts';
import { watchSends, withCrashPoints, withoutJournal } from './crash-points.ts';
import type { CrashPoint } from './crash-points.ts';

/** What the harness tells a node: first how to start, then perhaps where to die. */
export type NodeOrder =
  | {
      type: 'start';
      settings: Record<string, string>;
      leaseMs: number;
      /** False: without the journal. */
      journal: boolean;
    }
  | { type: 'crash'; point: CrashPoint; signal: 'SIGKILL' | 'SIGSTOP' };

/** What a node tells the harness. */
export type NodeNews =
  | { type: 'loaded' }
  | { type: 'listening'; url: string }
  | { type: 'reached'; point: CrashPoint; signal: string };

let app: App | undefined;
let order: (NodeOrder & { type: 'crash' }) | undefined;

function tell(news: NodeNews): void {
  process.send?.(news);
}

function reach(point: CrashPoint): void {
  if (order?.point !== point) return;
  const { signal } = order;
  order = undefined;
  tell({ type: 'reached', point, signal });
  process.kill(process.pid, signal);
}

async function start({ settings, leaseMs, journal }: NodeOrder & { type: 'start' }): Promise<void> {
  watchSends(reach);
  const config = readConfig({ env: {}, fixed: settings, cwd: settings['DATA_DIR'] ?? '/' });
  const log = await openLog({ level: config.logLevel });
  app = await openApp(config, log, {
    async openStore(database, options) {
      const store = await openStoreOn(database, { ...options, leaseMs });
      return withCrashPoints(journal ? store : withoutJournal(store), reach);
    },
  });
  tell({ type: 'listening', url: app.url });
}

process.on('message', (told: NodeOrder) => {
  if (told.type === 'crash') order = told;
  else start(told).catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => {
  Promise.resolve(app?.close()).then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
tell({ type: 'loaded' });
