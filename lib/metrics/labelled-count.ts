import CounterOf from 'prom-client/lib/counter.js';
import GaugeOf from 'prom-client/lib/gauge.js';
import type { Registry } from 'prom-client';

/** The name of a metric, its help, and its labels. */
export interface LabelledCountOptions {
  kind: 'counter' | 'gauge';
  name: string;
  help: string;
  labels: readonly string[];
  /** Values of the labels that are shown from the start, with 0. */
  initial?: readonly string[];
}

/**
 * A counter, or a gauge that goes up and down. `add` is called some twenty times a turn, so that the numbers are kept here: the same in
 * prom-client, which sorts and checks the labels each time, is 1 % of a turn. They are passed to prom-client when they are read.
 */
export class LabelledCount {
  readonly #values = new Map<string, { labels: Record<string, string>; value: number }>();
  readonly #labels: readonly string[];

  constructor(registry: Registry, { kind, name, help, labels, initial = [] }: LabelledCountOptions) {
    this.#labels = labels;
    // The key of a count without labels is the empty text, too.
    for (const value of initial) this.add(0, value);
    const values = this.#values;
    const options = { name, help, labelNames: [...labels], registers: [] };
    const gauge = () =>
      new GaugeOf({
        ...options,
        collect() {
          for (const { labels: at, value } of values.values()) this.set(at, value);
        },
      });
    const counter = () =>
      new CounterOf({
        ...options,
        collect() {
          // A counter of prom-client only goes up, and the numbers here are totals.
          this.reset();
          for (const { labels: at, value } of values.values()) this.inc(at, value);
        },
      });
    registry.registerMetric(kind === 'gauge' ? gauge() : counter());
  }

  /** Adds to the number with these values of the labels, in their order. A count that is no number is passed over. */
  add(count: number, ...values: readonly string[]): void {
    const key = values.length === 1 ? values[0]! : values.join('\n');
    let found = this.#values.get(key);
    if (!found) {
      const labels = Object.fromEntries(this.#labels.map((label, at) => [label, values[at] ?? '']));
      this.#values.set(key, (found = { labels, value: 0 }));
    }
    if (Number.isFinite(count)) found.value += count;
  }
}
