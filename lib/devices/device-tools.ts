import type { JsonObject } from '../common/json.ts';
import type { Risk, ToolResult } from '../core/message.ts';
import type { CallContext, Connection, Effect, JsonSchema, Tool } from '../core/tool.ts';
import { blotOwnSecrets, secretsOf } from '../secrets.ts';
import type { AnswerParts } from './answer-parts.ts';
import type { DeviceStates } from './device-states.ts';

/** What the tools of registered devices tell. */
export interface DeviceToolParts {
  answers: AnswerParts;
  states: DeviceStates;
  now(): number;
}

/** Makes the tools of a document those of a registered device; the same list gives the same tools. */
export type DeviceTools = (tools: readonly Tool[]) => readonly Tool[];

/**
 * The tools of registered devices: each result goes to the states, too. The device is that of the connection, so that devices with
 * the same document share their tools. The command refuses the calls of a device that is gone (command.ts).
 */
export function createDeviceTools(parts: DeviceToolParts): DeviceTools {
  const made = new WeakMap<readonly Tool[], readonly Tool[]>();
  return (tools) => {
    let wrapped = made.get(tools);
    if (!wrapped) made.set(tools, (wrapped = tools.map((tool) => new DeviceTool(tool, parts))));
    return wrapped;
  };
}

/** A tool of the document, whose results also go to the states. It passes on everything else. */
class DeviceTool implements Tool {
  readonly name: string;
  readonly description: string;
  readonly operation: string;
  readonly effect: Effect;
  readonly risk: Risk | undefined;
  readonly #tool: Tool;
  readonly #parts: DeviceToolParts;
  readonly complete?: (args: JsonObject) => JsonObject;
  readonly preview?: (args: JsonObject, connection: Connection) => JsonObject;

  constructor(tool: Tool, parts: DeviceToolParts) {
    this.name = tool.name;
    this.description = tool.description;
    this.operation = tool.operation;
    this.effect = tool.effect;
    this.risk = tool.risk;
    this.#tool = tool;
    this.#parts = parts;
    // Callers ask whether a tool has these, so that they are missing where the document's tool has none.
    if (tool.complete) this.complete = (args) => tool.complete!(args);
    if (tool.preview) this.preview = (args, connection) => tool.preview!(args, connection);
  }

  get parameters(): JsonSchema {
    return this.#tool.parameters; // made when somebody looks at them
  }

  get answer(): JsonSchema | undefined {
    return this.#tool.answer;
  }

  device(connection: Connection): string | undefined {
    return this.#tool.device?.(connection);
  }

  async call(args: JsonObject, context: CallContext): Promise<ToolResult> {
    const { states, now } = this.#parts;
    const { name = '' } = context.connection.registered ?? {};
    // A device may send its key back, and people and hosts see its state.
    const own = secretsOf(context.connection);
    const result = await this.#tool.call(args, { ...context, ...this.#receiversOf(context.key, own) });
    const shown = blotOwnSecrets(result, own);
    states.reported(name, shown, now());
    if (this.effect === 'read' && result['error'] === undefined)
      states.noteValue(name, this.name, { result: shown, at: now() });
    return result;
  }

  /** The receivers of the parts of an answer and of the notices before it, where somebody waits for them. */
  #receiversOf(key: string | undefined, own: readonly string[]): Pick<CallContext, 'onPart' | 'onNotice'> {
    const { answers } = this.#parts;
    if (key === undefined || !answers.isExpected(key)) return {};
    return {
      onPart: (part) => answers.add(key, blotOwnSecrets(part, own)),
      onNotice: (notice) => answers.notify(key, blotOwnSecrets(notice, own)),
    };
  }
}
