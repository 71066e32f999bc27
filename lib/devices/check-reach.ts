import type { Connection, Tool } from '../core/tool.ts';
import { messageOf } from '../errors.ts';
import type { LoadedSpec } from '../openspec/openspecs.ts';
import { readReach } from './device-states.ts';
import type { RuleBook } from './rules.ts';

/** Whether a device answers. */
export interface Reach {
  /** Null when there is no way to ask it. */
  reachable: boolean | null;
  /** The time that it took. */
  ms: number;
  /** In words. */
  detail: string;
}

/** How a device is asked. */
export interface ReachParts {
  book: RuleBook;
  /** Connects to an address and sends nothing; false where that is not possible. */
  connect(address: string, signal: AbortSignal): Promise<boolean>;
  signal: AbortSignal;
  timeoutMs: number;
}

/** Asks a device whether it is there: by a read without arguments that its rules allow, else by connecting to it. It never writes. */
export async function checkReach({ spec, connection }: LoadedSpec, parts: ReachParts): Promise<Reach> {
  const startedAt = performance.now();
  const read = spec.tools.find((tool) => isFreeRead(tool, parts.book));
  const [reachable, detail] = read
    ? await askBy(read, connection, parts)
    : await connectTo(spec.tools, connection, parts);
  return { reachable, ms: Math.round(performance.now() - startedAt), detail };
}

type Answer = [reachable: boolean | null, detail: string];

/** Whether a tool may be called to ask the device: a read without required arguments that the rules allow at this moment. */
function isFreeRead(tool: Tool, book: RuleBook): boolean {
  const { name, operation, effect, risk = 'normal' } = tool;
  const required = effect === 'read' ? tool.parameters['required'] : undefined;
  if (effect !== 'read' || (Array.isArray(required) && required.length > 0)) return false;
  const call = { tool: name, operation, effect, risk, arguments: tool.complete?.({}) ?? {} };
  return book.decide(call, new Date()).decision === 'allow';
}

/** Any answer shows that the device is there, also an error of the device. */
async function askBy(tool: Tool, connection: Connection, { signal, timeoutMs }: ReachParts): Promise<Answer> {
  const result = await tool.call(tool.complete?.({}) ?? {}, { connection, signal, timeoutMs });
  const { reachable, error } = readReach(result);
  return [reachable ?? null, error === null ? `${tool.name} was read.` : `${tool.name}: ${error}`];
}

/** Connects to the address of the first tool that has one. */
async function connectTo(
  tools: readonly Tool[],
  connection: Connection,
  { connect, signal }: ReachParts,
): Promise<Answer> {
  const address = tools.map((tool) => tool.device?.(connection)).find((place) => place !== undefined);
  if (address === undefined) return [null, 'It has no address.'];
  try {
    if (await connect(address, signal)) return [true, `${address} takes connections.`];
    return [null, `${address} can be asked by a call only, and it has no read without arguments.`];
  } catch (error) {
    return [false, `${address}: ${messageOf(error)}`];
  }
}
