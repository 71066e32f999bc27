import { isObject, type JsonObject } from '../common/json.ts';
import type { ToolCall } from './message.ts';
import type { ForcedCall } from './model.ts';
import type { ClientTool } from './session-config.ts';
import type { Checked, Toolbox } from './toolbox.ts';

/** A call of a task after its check: a call of the session's tools, or a call to a function that the client runs itself. */
export type TaskChecked = Checked | { forClient: { name: string; arguments: JsonObject } };

/** The tools of one task. */
export interface TaskToolbox extends Omit<Toolbox, 'check'> {
  check(call: ToolCall): Promise<TaskChecked>;
  /** The call that the first reply of the task must have. */
  forced?: ForcedCall;
}

/**
 * A toolbox that offers a client's own functions beside its tools. A function with the name of a tool stands in its place: the
 * client asked for it by that name.
 */
export function withClientTools(toolbox: Toolbox, tools: readonly ClientTool[] | undefined): TaskToolbox {
  if (!tools || tools.length === 0) return toolbox;
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const offers = [...byName.values()].map(({ name, description, parameters }) => ({
    name,
    description,
    parameters,
  }));
  return {
    ...toolbox,
    async offersFor(conversation) {
      const own = await toolbox.offersFor(conversation);
      return [...own.filter(({ name }) => !byName.has(name)), ...offers];
    },
    offersNamed: (names) => [
      ...toolbox.offersNamed(names.filter((name) => !byName.has(name))),
      ...offers.filter(({ name }) => names.includes(name)),
    ],
    complete: (call) => (byName.has(call.name) ? call : toolbox.complete(call)),
    async check(call) {
      if (!byName.has(call.name)) return toolbox.check(call);
      // The client checks the arguments of its own function: the log has them as the model wrote them.
      return { forClient: { name: call.name, arguments: isObject(call.arguments) ? call.arguments : {} } };
    },
  };
}
