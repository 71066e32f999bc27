import { childPointer } from '../common/json-pointer.ts';
import type { Kysely } from 'kysely';
import type { Role } from '../core/principal.ts';
import type { DeviceUse } from '../core/session-config.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { describeSpec, type DescribedSpec } from '../openspec/describe-spec.ts';
import type { DocumentEntry, LoadedSpec, Openspecs } from '../openspec/openspecs.ts';
import type { Vault } from '../store/vault.ts';
import { AnswerParts } from './answer-parts.ts';
import { checkDevice, type CheckedDevice, type DeviceCircumstances } from './check-device.ts';
import { checkReach, type Reach, type ReachParts } from './check-reach.ts';
import { unknownUsers } from './unknown-users.ts';
import { refusalOfDevice, type Device, type ListedDevice } from './device.ts';
import {
  loadDeviceFolder,
  loadServerRules,
  reloadDeviceFiles,
  type DeviceFilesOptions,
} from './device-files.ts';
import { DeviceStates } from './device-states.ts';
import { createDeviceTools, type DeviceTools } from './device-tools.ts';
import { createDeviceRegistry, noSuchDevice, type DeviceRegistry } from './registry.ts';
import { parseRules } from './parse-rules.ts';
import { RuleBooks } from './rule-books.ts';
import { toolChanges, type ToolChanges } from './tool-changes.ts';
import { tryRules, type DeviceTrial, type RulesTrial } from './trial-rules.ts';

/** A person, as the `users` of a device name people. */
export interface Person {
  role: Role;
  /** The id and the user name. */
  names: readonly (string | null)[];
}

/** What devices are opened with. */
export interface DevicesOptions {
  db: Kysely<unknown>;
  vault: Vault;
  openspecs: Openspecs;
  /** The user with an id; undefined when there is none. */
  findPerson(id: string): Promise<Person | undefined>;
  /** Whether a user has this name or id. */
  isUser(name: string): Promise<boolean>;
  connect: ReachParts['connect'];
  /** Whether access control is off: then there is nobody else who could approve a call. */
  isAlone: boolean;
  devicesDir: string | undefined;
  rulesFile: string | undefined;
  log: Log;
}

/** Ids of callers who may use every device: they are no users. */
const everywhere = new Set(['anonymous', 'operator']);

/** The devices that the server knows: who may use them, how they are opened, and their rules. */
export class Devices {
  readonly registry: DeviceRegistry;
  readonly states = new DeviceStates();
  readonly answers = new AnswerParts();
  readonly books: RuleBooks;
  readonly #options: DevicesOptions;
  readonly #files: DeviceFilesOptions;
  readonly #tools: DeviceTools;

  constructor(options: DevicesOptions) {
    const { db, vault, openspecs, isAlone, devicesDir, rulesFile, log } = options;
    const registry = createDeviceRegistry({ db, vault });
    this.#options = options;
    this.registry = registry;
    this.books = new RuleBooks(registry);
    const circumstances = { isAlone };
    const { books, states, answers } = this;
    this.#files = { folder: devicesDir, rulesFile, registry, books, openspecs, circumstances, log };
    this.#tools = createDeviceTools({ answers, states, now: () => Date.now() });
  }

  /** Reads the rules of the server, before it takes the first call. Throws `invalid_request` when they have a fault. */
  loadRules(): Promise<void> {
    return loadServerRules(this.#files);
  }

  /** Reads the folder of devices, when the database belongs to this server. Throws `invalid_request` when it cannot be read. */
  loadFolder(): Promise<void> {
    return loadDeviceFolder(this.#files);
  }

  /** Reads the files of the settings again. Never rejects. */
  reload(): Promise<void> {
    return reloadDeviceFiles(this.#files);
  }

  /** Checks a device before it is stored. Throws `invalid_request` with every fault. */
  async check(
    value: unknown,
    given: Pick<DeviceCircumstances, 'byOperator' | 'party'> = {},
  ): Promise<CheckedDevice> {
    const { openspecs, isUser } = this.#options;
    const checked = await checkDevice(value, openspecs, { ...this.#files.circumstances, ...given });
    const unknown = await unknownUsers(checked.facts.users, isUser);
    return { ...checked, warnings: [...checked.warnings, ...unknown] };
  }

  /** Whether a user (or `operator` or `anonymous`) may use a device. */
  async mayUse(device: ListedDevice, userId: string): Promise<boolean> {
    // Without the person first: a device for everybody costs no query.
    return isUsedBy(device, userId) || isUsedBy(device, userId, await this.#options.findPerson(userId));
  }

  /** The devices that a user may use, by name. */
  async list(userId: string): Promise<ListedDevice[]> {
    const all = await this.registry.list();
    const person = await this.#options.findPerson(userId);
    return all.filter((device) => isUsedBy(device, userId, person));
  }

  /** The addresses of all devices, as far as their definitions name one. */
  async addresses(): Promise<string[]> {
    const names = (await this.registry.list()).map(({ name }) => name);
    const found = await Promise.all(names.map((name) => this.registry.find(name)));
    return found.flatMap((device) => device?.definition?.server ?? []);
  }

  /** A device that is there, for a user. `not_found` also for one that the user may not use. */
  async find(name: string, userId: string): Promise<Device> {
    const device = await this.registry.find(name);
    if (device && !device.isRemoved && (await this.mayUse(device, userId))) return device;
    throw noSuchDevice(name);
  }

  /** Throws `invalid_request` with every name that is no device of the user, at its pointer below `where`. */
  async requireAll(uses: readonly DeviceUse[], userId: string, where: string): Promise<void> {
    const found = await Promise.all(
      uses.map(async ({ name }) => {
        const device = await this.registry.find(name);
        if (device === undefined || device.isRemoved || !(await this.mayUse(device, userId)))
          return `there is no device "${name.slice(0, 100)}"`;
        return device.definition === undefined
          ? `it cannot be used: ${device.fault?.replace(/\.$/, '')}`
          : undefined;
      }),
    );
    const faults = found.flatMap((detail, index) =>
      detail === undefined ? [] : [{ pointer: childPointer(where, index), detail }],
    );
    if (faults.length === 0) return;
    const texts = faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);
    throw new AppError('invalid_request', `${texts.join('; ')}.`, { faults });
  }

  /** The tools of a device, for JSON. */
  async describe({ definition }: Device): Promise<DescribedSpec> {
    const { spec, release } = await this.#options.openspecs.load(definition!, { byOperator: true });
    try {
      return await describeSpec(spec);
    } finally {
      release();
    }
  }

  /** How a checked device differs in its tools from a version before it; undefined where the document of that one cannot be opened. */
  async changesTo(before: Device, { described }: CheckedDevice): Promise<ToolChanges | undefined> {
    if (before.definition === undefined) return undefined;
    try {
      return toolChanges((await this.describe(before)).tools, described.tools);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return undefined;
    }
  }

  /** The words of other rules of a device, and their answer for each tool now. Throws `invalid_request` with every fault of the rules. */
  async tryRules(device: Device, rules: unknown): Promise<RulesTrial> {
    const book = this.books.draft(parseRules(rules, '/rules', this.#files.circumstances));
    const { tools } = await this.describe(device);
    return tryRules(book, tools, new Date());
  }

  /** Checks a device as `check` does, and tries its rules for each of its tools now. Nothing is saved, and no operation is called. */
  async tryDevice(value: unknown, circumstances: { party?: string } = {}): Promise<DeviceTrial> {
    const { definition, facts, described, warnings } = await this.check(value, circumstances);
    const book = this.books.draft(parseRules(definition.rules, '/rules', this.#files.circumstances));
    const { title, kind } = facts;
    return {
      title,
      kind,
      warnings,
      skipped: described.skipped,
      ...tryRules(book, described.tools, new Date()),
    };
  }

  /** Asks whether a device is there. Never a write. A device that may not be called is not asked. */
  async checkReach(device: Device, userId: string, timeoutMs: number): Promise<Reach> {
    const { connect } = this.#options;
    const { name, version } = device;
    const refusal = refusalOfDevice(name, device);
    if (refusal !== undefined) return { reachable: null, ms: 0, detail: refusal };
    const document = await this.open({ name }, userId);
    try {
      const book = await this.books.bookFor({ name, version });
      return await checkReach(document, { book, connect, signal: AbortSignal.timeout(timeoutMs), timeoutMs });
    } finally {
      document.release();
    }
  }

  /**
   * Opens the current version of a device for the owner of a session; that of a removed or disabled device, too, whose calls are
   * refused then. Rejects with `not_found`, also when the owner may not use it, and with the error of its document.
   */
  async open({ name, include, exclude }: DeviceUse, owner: string): Promise<LoadedSpec> {
    const device = await this.registry.find(name);
    const definition = device?.definition;
    if (!device || !definition || !(await this.mayUse(device, owner))) throw noSuchDevice(name);
    // The selection of the session holds within that of the definition.
    const within =
      include || exclude ? { within: { ...(include && { include }), ...(exclude && { exclude }) } } : {};
    const { spec, connection, release } = await this.#options.openspecs.load(
      { ...definition, ...(within as Pick<DocumentEntry, 'within'>) },
      { byOperator: true }, // it was checked when it was stored
    );
    return {
      spec: { ...factsOf(spec), tools: this.#tools(spec.tools) as LoadedSpec['spec']['tools'] },
      connection: { ...connection, registered: { name, version: device.version } },
      release,
    };
  }
}

/** A compiled document without its tools. Its warnings are not asked for: they may cost time. */
function factsOf({
  kind,
  title,
  operations,
  skipped,
}: LoadedSpec['spec']): Omit<LoadedSpec['spec'], 'tools'> {
  return { kind, title, operations, skipped, warnings: [] };
}

/** Whether the `users` of a device name a user, as far as it is known. */
function isUsedBy({ facts }: ListedDevice, userId: string, person?: Person): boolean {
  if (everywhere.has(userId) || facts.users.includes('*')) return true;
  if (person === undefined) return false;
  const { role } = person;
  const names = new Set(person.names.flatMap((name) => (name === null ? [] : [keyOf(name)])));
  return role === 'admin' || facts.users.map(keyOf).some((one) => one === `role:${role}` || names.has(one));
}

/** The form in which names are compared: texts that look the same are the same [Unicode NFKC]. */
function keyOf(name: string): string {
  return name.trim().normalize('NFKC').toLowerCase();
}
