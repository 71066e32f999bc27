import { signal } from '@preact/signals';

/** The numbers of one name that a device has answered while this page was open. */
export interface Series {
  /** The tool, and the place of the number in its result. */
  readonly name: string;
  readonly unit: string;
  /** Seconds since the epoch, as the curve wants them. */
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** A tab that reads for days forgets the oldest numbers. */
const POINTS_MAX_COUNT = 2000;
/** More numbers of one result are no curves that anybody compares. */
const NUMBERS_MAX_COUNT = 12;
/** Deeper numbers are seldom values of a device. */
const DEPTH_MAX = 4;

/** The numbers that were seen, by device. They are forgotten when the page closes. */
export const readings = signal<ReadonlyMap<string, readonly Series[]>>(new Map());

/** Keeps the numbers of a result of a read. A result with an error has none. */
export function keepReading(device: string, tool: string, result: unknown, atMs: number): void {
  const before = readings.value.get(device) ?? [];
  const added = numbersIn(result).slice(0, NUMBERS_MAX_COUNT);
  if (added.length === 0) return;
  const byName = new Map(before.map((series) => [series.name, series]));
  for (const { path, unit, value } of added) {
    const name = path === '' ? tool : `${tool} · ${path}`;
    const { times = [], values = [] } = byName.get(name) ?? {};
    byName.set(name, {
      name,
      unit,
      times: [...times, atMs / 1000].slice(-POINTS_MAX_COUNT),
      values: [...values, value].slice(-POINTS_MAX_COUNT),
    });
  }
  readings.value = new Map(readings.value).set(device, [...byName.values()]);
}

/** A number in a result, with its place in it; `path` is empty for the result itself. */
interface FoundNumber {
  path: string;
  unit: string;
  value: number;
}

/** The numbers in a result of any kind: a Modbus value, an HTTP body, a JSON-RPC result. On and off are 1 and 0. */
export function numbersIn(result: unknown): FoundNumber[] {
  const { error, value, uom, body } = (result ?? {}) as Record<string, unknown>;
  if (error !== undefined) return [];
  if (value !== undefined) return leavesOf(value, '', typeof uom === 'string' ? uom : '', 0);
  const parsed = typeof body === 'string' ? parse(body) : body;
  const inner = (parsed ?? {}) as Record<string, unknown>;
  return leavesOf(inner['jsonrpc'] === undefined ? parsed : inner['result'], '', '', 0);
}

/** The numbers in a value and below it. */
function leavesOf(value: unknown, path: string, unit: string, depth: number): FoundNumber[] {
  if (typeof value === 'number') return [{ path, unit, value }];
  if (typeof value === 'boolean') return [{ path, unit, value: Number(value) }];
  if (typeof value !== 'object' || value === null || depth === DEPTH_MAX) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, path === '' ? key : `${path}.${key}`, unit, depth + 1),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a text without numbers of its own
  }
}
