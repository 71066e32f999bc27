import { isDeepStrictEqual } from 'node:util';
import type { DescribedTool } from '../openspec/describe-spec.ts';

/** The names of the tools that differ between two versions of a device. */
export interface ToolChanges {
  added: string[];
  removed: string[];
  /** The same name, and another description, operation, effect, risk or shape. */
  changed: string[];
}

/** The difference between the tools of two versions. */
export function toolChanges(before: readonly DescribedTool[], after: readonly DescribedTool[]): ToolChanges {
  const old = new Map(before.map((tool) => [tool.name, tool]));
  const now = new Set(after.map(({ name }) => name));
  return {
    added: after.flatMap(({ name }) => (old.has(name) ? [] : [name])),
    removed: before.flatMap(({ name }) => (now.has(name) ? [] : [name])),
    changed: after.flatMap((tool) => {
      const same = old.get(tool.name);
      return same === undefined || isDeepStrictEqual(same, tool) ? [] : [tool.name];
    }),
  };
}
