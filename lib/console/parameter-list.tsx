import { t } from './language.ts';

/** The arguments of a call as name and value, one a line. */
export function ParameterList({ parameters }: { parameters: unknown }) {
  const isRecord = typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters);
  if (!isRecord) return <pre class="small">{JSON.stringify(parameters, undefined, 2)}</pre>;
  const entries = Object.entries(parameters);
  if (entries.length === 0) return <p class="soft small">{t('noArguments')}</p>;
  return (
    <dl class="parameters">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
