import { LRUCache } from 'lru-cache';
import type { Principal } from '../../core/principal.ts';
import type { ListedDevice } from '../../devices/device.ts';
import { AppError } from '../../errors.ts';
import type { Parts } from '../dialect.ts';
import { ToolList, type DescribedDevice } from './tool-list.ts';

/** Lists are kept for so many sets of devices: each host asks again and again. */
const LISTS_MAX_COUNT = 16;

/** The lists of tools of sets of devices. Versions of devices do not change, so a list holds as long as its set. */
export class ToolLists {
  readonly #parts: Pick<Parts, 'devices' | 'config' | 'log'>;
  readonly #known = new LRUCache<string, Promise<ToolList>>({ max: LISTS_MAX_COUNT });

  constructor(parts: Pick<Parts, 'devices' | 'config' | 'log'>) {
    this.#parts = parts;
  }

  /** The tools of these devices, which the caller may use. A device whose document cannot be opened has none. */
  listOf(devices: readonly ListedDevice[], caller: Principal): Promise<ToolList> {
    const key = JSON.stringify(devices.map(({ name, version }) => [name, version]));
    const known = this.#known.get(key);
    if (known) return known;
    // A list with a fault is forgotten, and still answers the requests that wait for it.
    const made = this.#make(devices, caller, () => this.#known.delete(key));
    this.#known.set(key, made);
    return made;
  }

  /** `onFault` is called for a device without tools, so that the next request tries it again. */
  async #make(devices: readonly ListedDevice[], caller: Principal, onFault: () => void): Promise<ToolList> {
    const { offeredToolsMaxCount: maxCount, offeredToolsMaxBytes: maxBytes } = this.#parts.config.limits;
    const described: DescribedDevice[] = [];
    for (const { name, facts } of devices) {
      const tools = await this.#toolsOf(name, caller).catch((error: unknown) => {
        onFault();
        if (!(error instanceof AppError)) throw error;
        this.#parts.log.warn({ err: error, device: name }, 'MCP hosts do not see the tools of a device');
        return [];
      });
      described.push({ name, title: facts.title, tools });
    }
    return new ToolList(described, { maxCount, maxBytes });
  }

  /** The tools of a device. Rejects with the error of its document. */
  async #toolsOf(name: string, caller: Principal): Promise<DescribedDevice['tools']> {
    const { devices } = this.#parts;
    return (await devices.describe(await devices.find(name, caller.id))).tools;
  }
}
