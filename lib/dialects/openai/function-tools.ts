import { isObject } from '../../common/json.ts';
import { invalidField, RequestFaults } from './errors.ts';

/** The names that OpenAI's functions may have. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Throws `invalid_request` with the places of all tools that are no function of the client. Responses have the fields of a function
 * in the tool itself, runs and chat completions in its `function`.
 */
export function checkFunctionTools(tools: readonly object[], form: 'flat' | 'nested'): void {
  const faults = new RequestFaults();
  for (const [index, tool] of tools.entries()) {
    const { type, function: nested } = tool as { type?: unknown; function?: unknown };
    faults.check(() => {
      if (type !== 'function')
        throw invalidField(`tools.${index}.type`, 'must be function: this server has no tools of OpenAI');
      if (form === 'flat') checkFunction(tool, `tools.${index}`);
      else checkFunction(nested, `tools.${index}.function`);
    });
  }
  faults.refuse();
}

/** Throws `invalid_request` for a name that OpenAI does not allow, and for fields of a wrong type. The schema itself is not checked. */
function checkFunction(fn: unknown, at: string): void {
  if (!isObject(fn)) throw invalidField(at, 'must be an object with a name');
  const { name, description, parameters } = fn;
  if (typeof name !== 'string' || !NAME.test(name))
    throw invalidField(`${at}.name`, 'must be a name of 1 to 64 letters, digits, underscores and hyphens');
  if (typeof (description ?? '') !== 'string') throw invalidField(`${at}.description`, 'must be a text');
  if ((parameters ?? null) !== null && !isObject(parameters))
    throw invalidField(`${at}.parameters`, 'must be a JSON Schema');
}
