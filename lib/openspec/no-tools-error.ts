import { codedFault } from '../common/coded-fault.ts';
import { SpecError } from '../errors.ts';
import type { CompiledSpec } from './kind.ts';

/** The error for a document without a tool: each operation that was skipped, with its reason. */
export function noToolsError({ skipped }: Pick<CompiledSpec, 'skipped'>): SpecError {
  const faults = skipped.map(({ operation, reason }) => ({
    pointer: '',
    detail: `${operation}: ${reason}`,
  }));
  return new SpecError(
    'It has no operation that can be called.',
    faults.length > 0 ? faults : [codedFault('', 'no_operation')],
  );
}
