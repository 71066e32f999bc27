import { startPeriodic, type Periodic } from '../common/periodic.ts';
import { systemClock, type Clock } from '../common/clock.ts';
import type { Command } from '../core/command.ts';
import type { SessionRegistry } from '../core/sessions.ts';
import type { Store } from '../core/store.ts';
import type { Database } from '../store/database.ts';
import { Approvals } from './approvals.ts';
import { loadAuditKey } from './audit-key.ts';
import { CallAudit } from './call-audit.ts';
import { createCommand } from './command.ts';
import type { CommandDb, CommandTables } from './command-schema.ts';
import type { Devices } from './devices.ts';
import { DirectCalls } from './direct-calls.ts';
import { Estops } from './estops.ts';

/** What the command room is opened with. */
export interface CommandRoomOptions {
  database: Pick<Database, 'tables'>;
  store: Store;
  devices: Devices;
  /** The folder of the key that signs the audit log; undefined for a server that keeps nothing. */
  keyFolder: string | undefined;
  /** After how many days rows of the audit log are removed; never when it is missing. */
  auditDays?: number | undefined;
  onError(error: unknown): void;
  clock?: Clock;
}

/** The parts through which people command devices. */
export interface CommandParts {
  approvals: Approvals;
  estops: Estops;
  /** Calls without a model. */
  direct: DirectCalls;
  callAudit: CallAudit;
}

const DAY_MS = 86_400_000;
/** The end of each chain of the audit log is signed, and old rows are removed, so often. */
const SIGN_PAUSE_MS = 3_600_000;

/** Everything through which people command devices: rules, approvals, emergency stops, direct calls and the audit log. */
export class CommandRoom {
  /** What sessions ask before each call. */
  readonly command: Command;
  readonly #options: CommandRoomOptions;
  readonly #db: CommandDb;
  readonly #audit: CallAudit;
  readonly #clock: Clock;
  /** Undefined until `serve`: sessions need the command, and emergency stops need the sessions. */
  #estops: Estops | undefined;
  /** Undefined until `start`. */
  #signing: Periodic | undefined;

  constructor(options: CommandRoomOptions) {
    const { database, devices, keyFolder, clock = systemClock } = options;
    const db = database.tables<CommandTables>();
    this.#options = options;
    this.#db = db;
    this.#clock = clock;
    this.#audit = new CallAudit(db, loadAuditKey(keyFolder), clock);
    this.command = createCommand({
      db,
      books: devices.books,
      devices: devices.registry,
      audit: this.#audit,
      clock,
      stopsKnownAt: () => this.#estops?.knownAt ?? 0,
    });
  }

  /** The parts for dialects, over the sessions that ask `command`. */
  serve(sessions: SessionRegistry): CommandParts {
    const { store, devices, onError } = this.#options;
    const db = this.#db;
    const clock = this.#clock;
    const direct = new DirectCalls(sessions, clock);
    this.#estops = new Estops({ store, sessions, devices: devices.registry, direct, clock, onError });
    const approvals = new Approvals({
      db,
      store,
      sessions,
      async mayUseDevice({ id }, name) {
        const device = await devices.registry.find(name);
        return !device || device.isRemoved || devices.mayUse(device, id);
      },
    });
    return { approvals, estops: this.#estops, direct, callAudit: this.#audit };
  }

  /** Carries out the emergency stops that hold, and begins to listen for others and to sign. */
  async start(): Promise<void> {
    const { onError } = this.#options;
    await this.#estops?.start();
    const work = async (): Promise<void> => {
      await this.#audit.signHeads();
      await this.#prune();
    };
    this.#signing = startPeriodic({ pauseMs: SIGN_PAUSE_MS, work, onError, clock: this.#clock });
  }

  /** Removes the old rows of the audit log. Rows that a limit still counts stay. */
  async #prune(): Promise<void> {
    const { auditDays, devices } = this.#options;
    if (auditDays === undefined) return;
    const counted = await devices.books.countedMs(await devices.registry.list());
    await this.#audit.prune(this.#clock.now() - Math.max(auditDays * DAY_MS, counted));
  }

  /** Ends the jobs, and signs the ends of the audit log. */
  async close(): Promise<void> {
    await this.#estops?.close();
    // A server that could not start leaves the audit log as it was.
    if (!this.#signing) return;
    await this.#signing.stop();
    await this.#audit.signHeads();
  }
}
