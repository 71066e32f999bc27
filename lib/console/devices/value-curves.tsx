import { t } from '../language.ts';
import { Curve } from './curve.tsx';
import { readings, type Series } from './readings.ts';

/** The numbers of a device that were read on this page: the last one of each, and their curve. */
export function ValueCurves({ device }: { device: string }) {
  const shown = readings.value.get(device) ?? [];
  if (shown.length === 0) return null;
  return (
    <section class="card">
      <h2>{t('valuesTitle')}</h2>
      <p class="soft small">{t('valuesLead')}</p>
      {shown.map((series) => (
        <figure key={series.name} class="values">
          <figcaption>
            <code>{series.name}</code> <strong>{lastText(series)}</strong>
          </figcaption>
          {series.times.length > 1 && <Curve series={series} label={rangeText(series)} />}
        </figure>
      ))}
    </section>
  );
}

function lastText({ values, unit }: Series): string {
  return `${values.at(-1)} ${unit}`.trim();
}

/** The curve in words, for people who do not see it. */
function rangeText({ name, values, unit }: Series): string {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  return t('valuesRange', { name, count: values.length, min, max, unit });
}
