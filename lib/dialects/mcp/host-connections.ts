import { randomUUID } from 'node:crypto';
import { startPeriodic, type Periodic } from '../../common/periodic.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { budgetKeyOf } from '../../server/budget.ts';
import { createTally, type Tally } from '../../server/tally.ts';
import type { Call } from '../../server/mount.ts';
import { HostConnection, type HostParts } from './host-connection.ts';
import { ToolLists } from './tool-lists.ts';

/** Devices may change on any node, so the registry is asked. */
const LOOK_EVERY_MS = 1000;
/** A host that is silent for so long must connect again. */
const IDLE_MAX_MS = 30 * 60_000;

/** The connections of MCP hosts to this node. They are in memory only: a host connects again where its connection is unknown. */
export class HostConnections {
  readonly #parts: HostParts;
  readonly #lists: ToolLists;
  readonly #open = new Map<string, HostConnection>();
  /** Counts the connections of each caller, also those that are being opened. */
  readonly #tally: Tally;
  /** Looks at the devices while there is a connection. */
  #watch: Periodic | undefined;
  /** The end of the last watch. */
  #stopped: Promise<void> | undefined;
  /** The devices at the last look. */
  #seen: string | undefined;

  constructor(parts: HostParts) {
    this.#parts = parts;
    this.#tally = createTally(parts.config.limits.mcpConnectionsPerCallerMaxCount);
    this.#lists = new ToolLists(parts);
  }

  /**
   * A new connection for a host that says `initialize`. Rejects with `invalid_request` that names every unknown device, and with
   * `too_many_requests`.
   */
  async open({ caller, client }: Call, only: readonly string[] | undefined): Promise<HostConnection> {
    const uses = (only ?? []).map((name) => ({ name }));
    await this.#parts.devices.requireAll(uses, caller.id, '/devices');
    const { id: owner } = caller;
    const party = budgetKeyOf(caller, client.address);
    // From here on the place is taken: a fault below gives it back.
    const leave = await this.#takeRoom(party);
    const id = randomUUID();
    const onClose = (): void => {
      leave();
      this.#forget(id);
    };
    try {
      const options = { parts: this.#parts, lists: this.#lists, id, owner, party, only, onClose };
      const connection = await HostConnection.open(options);
      this.#open.set(id, connection);
      this.#watch ??= this.#startWatch();
      return connection;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** The caller's connection with an id. Throws `not_found`, also for one of somebody else. */
  find(id: string, caller: Principal): HostConnection {
    const found = this.#open.get(id);
    if (found?.owner === caller.id) return found;
    throw new AppError('not_found', 'There is no such Mcp-Session-Id: send initialize again, without it.');
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((connection) => connection.close()));
    await this.#stopped;
  }

  /** Forgets a connection that has ended. With the last one the watch ends. */
  #forget(id: string): void {
    this.#open.delete(id);
    if (this.#open.size > 0) return;
    this.#stopped = this.#watch?.stop();
    this.#watch = undefined;
    // Changes while nobody is connected are no news for the next host.
    this.#seen = undefined;
  }

  /** Counts one more connection of a party. Where it has its most, the one that is idle for the longest ends. */
  async #takeRoom(party: string): Promise<() => void> {
    const leave = this.#tally(party);
    if (leave) return leave;
    const own = [...this.#open.values()].filter((connection) => connection.party === party);
    // A connection with a request under way is never idle, and stays.
    const [idlest] = own.toSorted((a, b) => b.idleMs - a.idleMs);
    if (idlest && idlest.idleMs > 0) await idlest.close();
    const freed = this.#tally(party);
    if (freed) return freed;
    const { mcpConnectionsPerCallerMaxCount: most } = this.#parts.config.limits;
    throw new AppError(
      'too_many_requests',
      `You have ${most} MCP connections in use already (MCP_CONNECTIONS_PER_CALLER_MAX_COUNT).`,
    );
  }

  /** Starts to look at the devices. The first look is at once: later ones compare with it. */
  #startWatch(): Periodic {
    const onError = (error: unknown): void => this.#parts.log.error({ err: error }, 'MCP connections');
    const watch = startPeriodic({ pauseMs: LOOK_EVERY_MS, work: () => this.#look(), onError });
    void watch.run(); // which never rejects
    return watch;
  }

  /** Ends the connections of silent hosts, and tells the others which devices have changed. */
  async #look(): Promise<void> {
    for (const connection of this.#open.values())
      if (connection.idleMs > IDLE_MAX_MS) await connection.close();
    const all = await this.#parts.devices.registry.list();
    const now = JSON.stringify(
      all.map(({ name, version, fault, facts: { enabled } }) => [name, version, enabled, fault]),
    );
    const before = this.#seen;
    this.#seen = now;
    const hasChanged = before !== undefined && before !== now;
    for (const connection of this.#open.values()) {
      try {
        if (hasChanged) await connection.announceChange();
        await connection.announceUpdates(all);
      } catch (error) {
        // Its connection has just ended, say. The next hosts must hear of the change all the same.
        this.#parts.log.debug({ err: error }, 'a host could not be told about a change');
      }
    }
  }
}
