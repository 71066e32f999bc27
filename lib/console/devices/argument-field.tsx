import { CallError } from '../api.ts';
import { t } from '../language.ts';

/** The schema of an argument, as far as a field needs it. */
export interface ArgumentSchema {
  type?: string | string[];
  enum?: unknown[];
  description?: string;
  minimum?: number;
  maximum?: number;
  default?: unknown;
}

/** The field of one argument: a choice, a number, a text, or JSON for lists and objects. */
export function ArgumentField({
  name,
  schema,
  isRequired,
  value,
  onChange,
}: {
  name: string;
  schema: ArgumentSchema;
  isRequired: boolean;
  value: string;
  onChange(value: string): void;
}) {
  const { enum: choices, minimum, maximum, description } = schema;
  const kind = kindOf(schema);
  const isNumber = kind === 'number' || kind === 'integer';
  const options = kind === 'boolean' ? ['true', 'false'] : choices?.map(String);
  const hint = [kind, rangeText(minimum, maximum), description].filter(Boolean).join(' · ');
  return (
    <label>
      <span>
        {name}
        {isRequired && <span title={t('needed')}> *</span>} <span class="soft small">{hint}</span>
      </span>
      {options ? (
        <select
          required={isRequired}
          value={value}
          onChange={({ currentTarget }) => onChange(currentTarget.value)}
        >
          <option value="" />
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      ) : isNumber ? (
        <input
          type="number"
          required={isRequired}
          step={kind === 'integer' ? 1 : 'any'}
          min={minimum ?? ''}
          max={maximum ?? ''}
          value={value}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      ) : (
        <input
          required={isRequired}
          value={value}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )}
    </label>
  );
}

/** The arguments that the fields say. An empty field is an argument that is not given. Throws a CallError for JSON that cannot be read. */
export function enteredArguments(
  properties: Readonly<Record<string, ArgumentSchema>>,
  given: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(properties)) {
    const text = given[name] ?? '';
    if (text !== '') args[name] = valueOf(name, schema, text);
  }
  return args;
}

/** The value of a field by the type of its argument. Throws a CallError for JSON that cannot be read. */
function valueOf(name: string, schema: ArgumentSchema, text: string): unknown {
  const kind = kindOf(schema);
  const chosen = schema.enum?.find((choice) => String(choice) === text);
  if (chosen !== undefined) return chosen;
  // The digits of a number that JavaScript would round stay a text: the server reads them exactly.
  if (kind === 'integer' || kind === 'number') return isExact(text) ? Number(text) : text;
  if (kind === 'string') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CallError(400, t('noJson', { name }));
  }
}

/** Whether a JavaScript number holds every digit of a text. Only whole numbers are looked at. */
function isExact(text: string): boolean {
  return !/^-?\d+$/.test(text.trim()) || Number.isSafeInteger(Number(text));
}

/** The type that decides the field; `json` for a schema without one. A whole number wins over a text that may stand for it. */
function kindOf({ type }: ArgumentSchema): string {
  const types = [type ?? []].flat().filter((one) => one !== 'null');
  return types.length > 1 && types.includes('string') && types.includes('integer')
    ? 'integer'
    : (types[0] ?? 'json');
}

function rangeText(minimum: number | undefined, maximum: number | undefined): string {
  return minimum === undefined && maximum === undefined ? '' : `${minimum ?? ''}…${maximum ?? ''}`;
}
