import { AppError } from '../errors.ts';
import type { TaskToolbox } from './client-tools.ts';
import type { ToolOffer } from './model.ts';
import type { ToolChoice } from './session-config.ts';
import { failed } from './tool.ts';

/** No tools, as the same array each time. */
const nothing: readonly ToolOffer[] = [];

/**
 * A toolbox under the choice of a client. The tools that it leaves out are neither offered nor called. A call that it asks for is
 * asked for once (`forced`): a model that had to call a tool in each round would never answer.
 * `offersFor` rejects with `invalid_request` where the choice names a tool that is not there.
 */
export function withToolChoice(toolbox: TaskToolbox, choice: ToolChoice | undefined): TaskToolbox {
  if (!choice || (choice.mode === 'auto' && !choice.allowed)) return toolbox;
  const { mode, tool, allowed } = choice;
  const forced = mode === 'required' ? (tool === undefined ? 'any' : { name: tool }) : undefined;
  const isAllowed = (name: string): boolean => mode !== 'none' && (allowed?.includes(name) ?? true);
  const known = new Map<readonly ToolOffer[], readonly ToolOffer[]>();
  let chosen: readonly ToolOffer[] | undefined;

  /** The offers with the tool that the choice names. The same offers give the same array object. */
  function withNamed(offers: readonly ToolOffer[], name: string): readonly ToolOffer[] {
    if (offers.some((one) => one.name === name)) return offers;
    const all = known.get(offers) ?? [...offers, ...namedOffers(toolbox, [name])];
    known.set(offers, all);
    return all;
  }

  return {
    ...toolbox,
    ...(forced && { forced }),
    async offersFor(conversation) {
      if (mode === 'none') return nothing;
      if (allowed) return (chosen ??= namedOffers(toolbox, allowed));
      const offers = await toolbox.offersFor(conversation);
      if (tool !== undefined) return withNamed(offers, tool);
      if (offers.length === 0)
        throw new AppError('invalid_request', 'tool_choice asks for a call, and there are no tools.');
      return offers;
    },
    async check(call) {
      if (isAllowed(call.name)) return toolbox.check(call);
      const why = `The client does not allow a call of "${call.name.slice(0, 100)}" in this task.`;
      return { answered: failed('unknown_tool', why, 'none') };
    },
  };
}

/** The offers of these tools. Throws `invalid_request` with the names that no tool has. */
function namedOffers(toolbox: TaskToolbox, names: readonly string[]): readonly ToolOffer[] {
  const offers = toolbox.offersNamed(names);
  const missing = names.filter((name) => !offers.some((one) => one.name === name));
  if (missing.length === 0) return offers;
  const list = missing.map((name) => `"${name.slice(0, 100)}"`).join(', ');
  throw new AppError('invalid_request', `tool_choice names ${list}, and there is no such tool.`);
}
