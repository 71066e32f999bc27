import { LRUCache } from 'lru-cache';
import type { JsonObject } from '../common/json.ts';
import type { RegisteredDevice } from '../core/tool.ts';
import { parseRules } from './parse-rules.ts';
import type { DeviceRegistry } from './registry.ts';
import { countedMs, type Rules } from './rule-schema.ts';
import { compileRules, type RuleBook } from './rules.ts';

const BOOKS_MAX_COUNT = 500;
const none: Rules = { calls: [], limits: [] };

/** The rules that hold for calls: those of the server, of the device and of the session, compiled once for each version. */
export class RuleBooks {
  readonly #registry: Pick<DeviceRegistry, 'version'>;
  readonly #timeZone: string | undefined;
  #serverRules = none;
  readonly #numbers = new WeakMap<JsonObject, number>();
  #count = 0;
  #books = new LRUCache<string, RuleBook>({ max: BOOKS_MAX_COUNT });

  /** `timeZone` is that of the process (`TZ`) when it is missing. */
  constructor(registry: Pick<DeviceRegistry, 'version'>, timeZone?: string) {
    this.#registry = registry;
    this.#timeZone = timeZone;
  }

  /** Replaces the rules of the server. The next call is decided by the new ones. */
  setServerRules(rules: Rules): void {
    this.#serverRules = rules;
    this.#books = new LRUCache({ max: BOOKS_MAX_COUNT });
  }

  /** The longest time over which the rules of the server and of these devices count calls, in ms. */
  async countedMs(devices: readonly RegisteredDevice[]): Promise<number> {
    let longest = countedMs(this.#serverRules);
    for (const { name, version } of devices) {
      const definition = (await this.#registry.version(name, version))?.definition;
      longest = Math.max(longest, countedMs(parseRules(definition?.rules, '/rules')));
    }
    return longest;
  }

  /** Whether no rules can be about the calls of a document: those of neither the server nor the session. */
  isFree(device: RegisteredDevice | undefined, sessionRules?: JsonObject): boolean {
    const { calls, limits } = this.#serverRules;
    return device === undefined && sessionRules === undefined && calls.length === 0 && limits.length === 0;
  }

  /**
   * The book for calls of a device, or of a document of a session when `device` is missing. Rejects for a version that never
   * was: a call must not be made without its rules.
   */
  async bookFor(device: RegisteredDevice | undefined, sessionRules?: JsonObject): Promise<RuleBook> {
    const books = this.#books; // of the server's rules at this moment
    const server = this.#serverRules;
    const key = `${device?.name}@${device?.version} ${this.#numberOf(sessionRules)}`;
    const known = books.get(key);
    if (known) return known;
    const definition = device && (await this.#registry.version(device.name, device.version))?.definition;
    if (device && !definition) throw new Error(`there is no version ${device.version} of ${device.name}`);
    const book = compileRules(
      [
        { of: 'server', rules: server },
        { of: 'device', rules: parseRules(definition?.rules, '/rules') },
        { of: 'session', rules: parseRules(sessionRules, '/rules') },
      ],
      this.#zone(),
    );
    books.set(key, book);
    return book;
  }

  /** A book of rules of a device that are not saved, with those of the server. */
  draft(rules: Rules): RuleBook {
    const sources = [
      { of: 'server', rules: this.#serverRules },
      { of: 'device', rules },
    ] as const;
    return compileRules(sources, this.#zone());
  }

  #zone(): string {
    return this.#timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
  }

  /** A number for the rules of a session: every call asks, and to compare them whole would cost more than to decide. */
  #numberOf(rules: JsonObject | undefined): number {
    if (rules === undefined) return 0;
    const known = this.#numbers.get(rules);
    if (known !== undefined) return known;
    this.#count += 1;
    this.#numbers.set(rules, this.#count);
    return this.#count;
  }
}
