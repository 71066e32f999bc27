import { startPeriodic, type Periodic } from '../common/periodic.ts';
import { sleep } from '../common/deadline.ts';
import type { Clock } from '../common/clock.ts';
import { haltTasks } from '../core/halt.ts';
import type { SessionRegistry } from '../core/sessions.ts';
import type { EstopScope, Store, StoredEstop } from '../core/store.ts';
import { ESTOP_WAKEUP } from '../store/estops.ts';
import type { DirectCalls } from './direct-calls.ts';
import type { DeviceRegistry } from './registry.ts';

/** An emergency stop that was engaged. `nodesBehind`: nodes that have not said in time that nothing of before leaves any more. */
export interface EngagedEstop extends StoredEstop {
  nodesBehind: number;
}

/** What emergency stops work with. */
export interface EstopsOptions {
  store: Store;
  sessions: Pick<SessionRegistry, 'loaded'>;
  devices: Pick<DeviceRegistry, 'list' | 'find' | 'version'>;
  direct: Pick<DirectCalls, 'enterSafeState'>;
  clock: Clock;
  onError(error: unknown): void;
}

/** A stop that is older sends no safe state any more. */
const SAFE_STATE_MAX_AGE_MS = 86_400_000;
/** A node asks so often, also when nobody wakes it: a write whose permit is older may leave only while `knownAt` is fresh. */
const POLL_PAUSE_MS = 1000;
/** The pause between two looks whether the other nodes have obeyed. */
const ASK_PAUSE_MS = 10;

/**
 * Emergency stops over all nodes. A stop holds from the commit of its row on, as every permit looks for it. A write that was permitted
 * before is kept from leaving on each node, and a node says when it has done so: only then `engage` resolves. It is no replacement
 * for a hardware emergency stop [ISO 13850].
 */
export class Estops {
  readonly #options: EstopsOptions;
  /** The newest stop that this node has carried out. */
  #seen = 0;
  #obeying: Promise<void> = Promise.resolve();
  #poll: Periodic | undefined;
  #knownAt = 0;

  constructor(options: EstopsOptions) {
    this.#options = options;
  }

  /** Carries out the stops that hold, and listens for others. */
  async start(): Promise<void> {
    const { store, clock, onError } = this.#options;
    store.subscribe((id) => {
      if (id === ESTOP_WAKEUP) this.#obey().catch(onError);
    });
    await this.#obey();
    this.#poll = startPeriodic({ pauseMs: POLL_PAUSE_MS, work: () => this.#obey(), onError, clock });
  }

  /** The moment (monotonic, in ms) of the last question for stops; this node has carried out those that were there. */
  get knownAt(): number {
    return this.#knownAt;
  }

  async close(): Promise<void> {
    await this.#poll?.stop();
    await this.#obeying.catch(() => undefined); // the caller of `obey` has the failure
  }

  /** Engages a stop. Resolves when no write of its scope that was permitted before can leave any more, on any living node. */
  async engage(scope: EstopScope, by: string, reason?: string): Promise<EngagedEstop> {
    const { store } = this.#options;
    const stop = await store.engageEstop(scope, by, reason);
    await this.#obey();
    return { ...stop, nodesBehind: await this.#waitForNodes(stop.id) };
  }

  /** Releases the stops of a scope; resolves with their number. */
  release(scope: EstopScope, by: string, reason: string): Promise<number> {
    return this.#options.store.releaseEstops(scope, by, reason);
  }

  /** The stops that hold now. */
  list(): Promise<StoredEstop[]> {
    return this.#options.store.listEstops();
  }

  /** Carries out the new stops, one after the other. */
  #obey(): Promise<void> {
    const next = this.#obeying.catch(() => undefined).then(() => this.#obeyNow());
    this.#obeying = next;
    return next;
  }

  async #obeyNow(): Promise<void> {
    const { store, clock } = this.#options;
    const askedAt = clock.monotonicNow();
    const last = await store.lastEstop();
    if (last > this.#seen) await this.#carryOut(last);
    this.#knownAt = askedAt;
  }

  async #carryOut(last: number): Promise<void> {
    const { store, sessions } = this.#options;
    const fresh = (await store.listEstops()).filter(({ id }) => id > this.#seen);
    await Promise.all(fresh.map(({ scope }) => haltTasks(sessions, partsOf(scope))));
    // The word of this node, for which `engage` waits, comes after its tasks were halted. Safe states come last: nothing from before
    // follows.
    await store.noteEstop(last);
    this.#seen = last;
    for (const stop of fresh) await this.#enterSafeStates(stop);
  }

  /** Brings the devices of a stop into their safe states. One that fails keeps no other from it. */
  async #enterSafeStates({ id, scope, at }: StoredEstop): Promise<void> {
    const { devices, direct, clock, onError } = this.#options;
    const { device: only, session } = partsOf(scope);
    // A stop is carried out again after each restart. Its session is known for two days, so that nothing is sent twice.
    if (session !== undefined || clock.now() - at > SAFE_STATE_MAX_AGE_MS) return;
    for (const { name } of await devices.list()) {
      if (only !== undefined && name !== only) continue;
      const calls = (await devices.find(name))?.definition?.safeState ?? [];
      const isNewer = ((await devices.version(name, 1))?.madeAt ?? 0) > at;
      if (calls.length === 0 || isNewer) continue; // a device that came after the stop was not stopped by it
      const asked = calls.map(({ tool, arguments: args }) => ({ name: tool, arguments: args }));
      await direct.enterSafeState(name, id, asked).catch(onError);
    }
  }

  /** Waits until every living node has carried a stop out. A node that is silent for a lease is none any more. */
  async #waitForNodes(id: number): Promise<number> {
    const { store, clock } = this.#options;
    const end = clock.monotonicNow() + 2 * store.leaseMs;
    for (;;) {
      const behind = await store.countNodesBehind(id);
      if (behind === 0 || clock.monotonicNow() > end) return behind;
      await sleep(ASK_PAUSE_MS, undefined, clock);
    }
  }
}

/** The device or the session of a scope; neither for `all`. */
function partsOf(scope: EstopScope): { device?: string; session?: string } {
  if (scope === 'all') return {};
  const value = scope.slice(scope.indexOf(':') + 1);
  return scope.startsWith('device:') ? { device: value } : { session: value };
}
