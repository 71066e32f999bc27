import { isObject, type JsonValue } from '../../common/json.ts';
import type { ToolChoice } from '../../core/session-config.ts';
import { invalidField } from './errors.ts';

const FIELD = 'tool_choice';

/**
 * The choice of tools in a request, in the form of responses or in that of runs and chat completions, which have the name in an
 * object of its own. Undefined: the model chooses. Throws `invalid_request` with the place of a fault.
 */
export function readToolChoice(choice: unknown): ToolChoice | undefined {
  if (choice === undefined || choice === null || choice === 'auto') return undefined;
  if (choice === 'none' || choice === 'required') return { mode: choice };
  if (!isObject(choice))
    throw invalidField(FIELD, 'must be none, auto, required, a function or allowed_tools');
  const { type, allowed_tools: inside } = choice;
  if (type === 'function') return { mode: 'required', tool: functionNameOf(choice, FIELD) };
  if (type !== 'allowed_tools')
    throw invalidField(
      `${FIELD}.type`,
      'must be function or allowed_tools: this server has no tools of OpenAI',
    );
  // Responses have the mode and the tools in the choice itself, chat completions in `allowed_tools`.
  const at = isObject(inside) ? `${FIELD}.allowed_tools` : FIELD;
  const { mode, tools } = isObject(inside) ? inside : choice;
  if (mode !== 'auto' && mode !== 'required') throw invalidField(`${at}.mode`, 'must be auto or required');
  if (!Array.isArray(tools) || tools.length === 0)
    throw invalidField(`${at}.tools`, 'must be a list of tools');
  return { mode, allowed: tools.map((tool, index) => functionNameOf(tool, `${at}.tools.${index}`)) };
}

/** The name of the function that a choice names, in either form. Throws `invalid_request` for any other tool. */
function functionNameOf(value: JsonValue, at: string): string {
  const { type, function: inside, name } = isObject(value) ? value : {};
  if (type !== 'function') throw invalidField(`${at}.type`, 'must be function');
  const own = isObject(inside) ? inside['name'] : name;
  if (typeof own === 'string' && own !== '') return own;
  throw invalidField(`${at}.${isObject(inside) ? 'function.name' : 'name'}`, 'must be the name of a tool');
}
