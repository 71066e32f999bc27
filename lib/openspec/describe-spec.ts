import { createPauses } from '../common/pauses.ts';
import type { Tool } from '../core/tool.ts';
import type { CompiledSpec } from './kind.ts';

/** A tool as JSON shows it. */
export type DescribedTool = Pick<
  Tool,
  'name' | 'description' | 'parameters' | 'operation' | 'effect' | 'risk' | 'answer'
>;

/** A compiled document as JSON shows it. */
export interface DescribedSpec extends Pick<CompiledSpec, 'kind' | 'operations' | 'skipped' | 'warnings'> {
  tools: DescribedTool[];
}

/** A tool for JSON. One that writes itself may make its parameters for this moment alone. */
export function describeTool(tool: Tool): DescribedTool {
  if ('toJSON' in tool) return (tool as Tool & { toJSON(): DescribedTool }).toJSON();
  const { name, description, parameters, operation, effect, risk, answer } = tool;
  return {
    name,
    description,
    parameters,
    operation,
    effect,
    ...(risk && { risk }),
    ...(answer && { answer }),
  };
}

/** A document with all its tools, for JSON. The warnings of a tool are known when its parameters are made, so they come last. */
export async function describeSpec(spec: CompiledSpec): Promise<DescribedSpec> {
  const { kind, operations, skipped } = spec;
  const pause = createPauses();
  const tools: DescribedTool[] = [];
  for (const tool of spec.tools) {
    tools.push(describeTool(tool));
    await pause();
  }
  return { kind, operations, tools, skipped, warnings: spec.warnings };
}
