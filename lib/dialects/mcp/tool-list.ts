import type { Tool as WireTool } from '@modelcontextprotocol/sdk/types.js';
import type { JsonValue } from '../../common/json.ts';
import type { ToolResult } from '../../core/message.ts';
import type { ToolOffer } from '../../core/model.ts';
import type { Effect, JsonSchema } from '../../core/tool.ts';
import type { DescribedTool } from '../../openspec/describe-spec.ts';
import { createToolSelector, type ToolSelector } from '../../openspec/tool-selector.ts';

/** A device, and its tools as its document has them. */
export interface DescribedDevice {
  name: string;
  title: string;
  tools: readonly DescribedTool[];
}

/** A tool of a device under its name for hosts. */
interface NamedTool {
  /** The names of the device and of its tool, as the server has them. */
  device: string;
  tool: string;
  effect: Effect;
  /** The tool as `tools/list` shows it. */
  wire: WireTool;
}

/**
 * The target of a call of a host: a tool of a device, or an answer at once. With `isStructured` the tool has an `outputSchema`, so that
 * its result needs structured content [MCP 2025-11-25, Tools]. `answered` is from `search_tools` or `describe_tool`, or is a refusal.
 */
export type Directed =
  | { device: string; tool: string; effect: Effect; arguments: JsonValue; isStructured: boolean }
  | { answered: ToolResult };

/** How many tools a host is shown. */
export interface ShownLimit {
  maxCount: number;
  /** The length of all tools together, as JSON. */
  maxBytes: number;
}

/** Hosts and models take names up to this length. */
const NAME_MAX = 64;

/**
 * The tools of some devices as a host sees them. Where two devices have a tool of one name, each name begins with its device.
 * More tools than the limit are found and called with `search_tools`, `describe_tool` and `call_tool`, as models do.
 */
export class ToolList {
  readonly #byName: ReadonlyMap<string, NamedTool>;
  /** The same tools, as models are offered them: the selector is that of models. */
  readonly #offers: readonly ToolOffer[];
  readonly #selector: ToolSelector;

  constructor(devices: readonly DescribedDevice[], limit: ShownLimit) {
    this.#byName = namedTools(devices);
    this.#offers = [...this.#byName.values()].map(({ wire: { name, description = '', inputSchema } }) => ({
      name,
      description,
      parameters: inputSchema as ToolOffer['parameters'],
    }));
    this.#selector = createToolSelector(this.#offers, limit);
  }

  /** The tools that a host is shown: all, or the three that find the others. */
  async shown(): Promise<WireTool[]> {
    const { offers, leftOut } = await this.#selector.choose('');
    if (leftOut.length === 0) return [...this.#byName.values()].map(({ wire }) => wire);
    const all = new Set(this.#offers);
    return offers.filter((offer) => !all.has(offer)).map(wireFinder);
  }

  /** Whether a device has a tool of this name. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Finds the device and the tool that a host means. */
  async direct(name: string, args: JsonValue): Promise<Directed> {
    // The selector asks for the id of a model's call, and a host has none.
    const asked = await this.#selector.redirect({ callId: 'call', name, arguments: args });
    if ('result' in asked) return { answered: asked.result };
    const { call } = asked;
    const found = this.#byName.get(call.name);
    if (found) {
      const { device, tool, effect, wire } = found;
      const isStructured = wire.outputSchema !== undefined;
      return { device, tool, effect, arguments: call.arguments, isStructured };
    }
    return { answered: this.#selector.unknown(call.name) };
  }
}

/** The tools of all devices under the names that hosts see. The order of the devices decides who gets a number. */
function namedTools(devices: readonly DescribedDevice[]): Map<string, NamedTool> {
  const counts = new Map<string, number>();
  for (const { tools } of devices)
    for (const { name } of tools) counts.set(name, (counts.get(name) ?? 0) + 1);
  const named = new Map<string, NamedTool>();
  for (const device of devices)
    for (const tool of device.tools) {
      const wanted = counts.get(tool.name) === 1 ? tool.name : `${device.name}_${tool.name}`;
      const name = freeName(wanted, named);
      named.set(name, {
        device: device.name,
        tool: tool.name,
        effect: tool.effect,
        wire: wireTool(name, device, tool),
      });
    }
  return named;
}

/** The name, cut to the length that hosts take, with a number where it is taken. */
function freeName(wanted: string, taken: ReadonlyMap<string, unknown>): string {
  for (let n = 1; ; n += 1) {
    const suffix = n === 1 ? '' : `_${n}`;
    const name = wanted.slice(0, NAME_MAX - suffix.length) + suffix;
    if (!taken.has(name)) return name;
  }
}

/**
 * A write counts as destructive unless its document says that its risk is low: a host that asks its user too often does less
 * harm than one that does not ask.
 */
function wireTool(name: string, { title }: DescribedDevice, tool: DescribedTool): WireTool {
  const isRead = tool.effect === 'read';
  return {
    name,
    title: `${title}: ${tool.operation}`,
    description: tool.description,
    inputSchema: tool.parameters as WireTool['inputSchema'],
    ...(tool.answer && { outputSchema: outputSchemaOf(tool.answer) }),
    annotations: {
      readOnlyHint: isRead,
      destructiveHint: !isRead && tool.risk !== 'low',
      idempotentHint: isRead || isIdempotent(tool.operation),
    },
  };
}

/**
 * The shape of the structured content: the answer of the device. A device may answer otherwise than its document says, and a host
 * refuses content that does not fit, also after a write: so any other answer fits, too.
 */
function outputSchemaOf({ $defs, ...answer }: JsonSchema): NonNullable<WireTool['outputSchema']> {
  const properties = { answer: { anyOf: [answer, { description: 'any other answer of the device' }] } };
  return { type: 'object', properties, required: ['answer'], ...($defs !== undefined && { $defs }) };
}

/** Whether the operation is an HTTP method that does the same when it comes twice [RFC 9110 9.2.2]. */
function isIdempotent(operation: string): boolean {
  return /^(put|delete) \//i.test(operation);
}

/** One of the three tools that find others, as a host sees it. */
function wireFinder({ name, description, parameters }: ToolOffer): WireTool {
  // The one of the three that takes arguments for another tool may write.
  const calls = isObjectWith(parameters['properties'], 'arguments');
  return {
    name,
    description,
    inputSchema: parameters as WireTool['inputSchema'],
    annotations: { readOnlyHint: !calls, destructiveHint: calls, idempotentHint: !calls },
  };
}

function isObjectWith(value: JsonValue | undefined, key: string): boolean {
  return typeof value === 'object' && value !== null && key in value;
}
