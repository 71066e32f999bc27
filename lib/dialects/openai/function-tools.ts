import { isObject } from '../../common/json.ts';
import { invalidField } from './errors.ts';

/** The names that OpenAI's functions may have. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Throws `invalid_request` with the place of the first tool that is no function of the client. Responses have the fields of a function
 * in the tool itself, runs and chat completions in its `function`.
 */
export function checkFunctionTools(tools: readonly object[], form: 'flat' | 'nested'): void {
  for (const [index, tool] of tools.entries()) {
    const { type } = tool as { type?: unknown };
    if (type !== 'function')
      throw invalidField(`tools.${index}.type`, 'must be function: this server has no tools of OpenAI');
    const at = form === 'flat' ? `tools.${index}` : `tools.${index}.function`;
    const inside: unknown = form === 'flat' ? tool : (tool as { function?: unknown }).function;
    if (!isObject(inside)) throw invalidField(at, 'must be an object with a name');
    const { name, parameters } = inside;
    if (typeof name !== 'string' || !NAME.test(name))
      throw invalidField(`${at}.name`, 'must be a name of 1 to 64 letters, digits, underscores and hyphens');
    if ((parameters ?? null) !== null && !isObject(parameters))
      throw invalidField(`${at}.parameters`, 'must be a JSON Schema');
  }
}
