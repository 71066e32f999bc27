import type { JsonObject } from '../../common/json.ts';
import { documentPattern } from './value-faults.ts';
import { matchingText } from './matching-text.ts';

/** One value for each format, always the same, so that a simulated device answers the same every time. */
const formats: Readonly<Record<string, string>> = {
  'date-time': '2024-01-01T00:00:00Z',
  date: '2024-01-01',
  time: '00:00:00Z',
  duration: 'PT1H',
  uuid: '00000000-0000-4000-8000-000000000001',
  email: 'someone@example.com',
  'idn-email': 'someone@example.com',
  uri: 'http://example.com/',
  url: 'http://example.com/',
  iri: 'http://example.com/',
  'uri-reference': '/',
  hostname: 'device.local',
  'idn-hostname': 'device.local',
  ipv4: '192.0.2.1',
  ip: '192.0.2.1',
  ipv6: '2001:db8::1',
  'json-pointer': '/',
  regex: '.*',
  byte: 'dGV4dA==',
  int64: '1',
  decimal: '1',
};

/** A text that fits a schema's format, pattern and length; `name` for a schema without a format. */
export function sampleText(node: JsonObject, name: string): string {
  const { format, pattern, minLength, maxLength } = node;
  // A document must not make the server write a text without end.
  const least = typeof minLength === 'number' ? Math.min(minLength, 10_000) : 0;
  const most = typeof maxLength === 'number' ? maxLength : Number.POSITIVE_INFINITY;
  const plain = (typeof format === 'string' ? formats[format.toLowerCase()] : undefined) ?? name;
  const fitted = plain.padEnd(least, 'x').slice(0, Math.max(least, most));
  if (typeof pattern !== 'string') return fitted;
  const matches = documentPattern(pattern);
  if (matches === undefined || matches.test(fitted)) return fitted;
  return (
    // More repetitions than needed, for patterns whose text is shorter than the schema allows.
    [0, 1, 2, least, least + 1]
      .map((more) => matchingText(pattern, more))
      .find(
        (text) => text !== undefined && matches.test(text) && text.length >= least && text.length <= most,
      ) ?? fitted
  );
}

/** The middle of a range, else 1 or the nearest value to 1. */
export function sampleNumber(node: JsonObject, whole: boolean): number {
  const step =
    typeof node['multipleOf'] === 'number' && node['multipleOf'] > 0 ? node['multipleOf'] : undefined;
  // The distance to a limit that is excluded.
  const unit = step ?? (whole ? 1 : 0.5);
  const low = limit(node['minimum'], node['exclusiveMinimum'], unit);
  const high = limit(node['maximum'], node['exclusiveMaximum'], -unit);
  const middle =
    low === undefined ? Math.min(1, high ?? 1) : high === undefined ? Math.max(1, low) : (low + high) / 2;
  if (step === undefined && !whole) return middle;
  const grid = step ?? 1;
  const below = Math.floor(middle / grid + 1e-9) * grid;
  const nearest = low !== undefined && below < low ? Math.ceil(middle / grid - 1e-9) * grid : below;
  // 3 × 0.1 is 0.30000000000000004. The author means 0.3.
  return Number(nearest.toPrecision(12));
}

/** A limit that a value may have itself; before 3.1 `exclusive` is a flag beside it. */
function limit(given: unknown, exclusive: unknown, inwards: number): number | undefined {
  if (typeof exclusive === 'number') {
    const moved = exclusive + inwards;
    if (typeof given !== 'number') return moved;
    return inwards > 0 ? Math.max(given, moved) : Math.min(given, moved);
  }
  if (typeof given !== 'number') return undefined;
  return exclusive === true ? given + inwards : given;
}
