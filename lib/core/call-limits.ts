import type { ToolCall, ToolResult } from './message.ts';
import type { Strategy } from './session-config.ts';
import type { TaskLimits } from './task-context.ts';
import { failed } from './tool.ts';

/** The limits on the calls of one task. */
export interface CallLimits {
  /** The result of a call that is over a limit, or undefined. Each call is asked about once, in the order of the reply. */
  refuse(call: ToolCall, index: number): ToolResult | undefined;
}

/** Limits that count from the start of the task. */
export function createCallLimits(limits: TaskLimits, strategy: Strategy): CallLimits {
  const { replyCallsMaxCount, identicalCallsMaxCount } = limits;
  let lastKey = '';
  let repeats = 0;
  return {
    refuse(call, index) {
      if (index >= replyCallsMaxCount)
        return failed(
          'limit_reached',
          `Only ${replyCallsMaxCount} calls of one reply are made; ask for the rest in the next reply.`,
          'none',
        );
      if (strategy === 'reject' && index > 0)
        return failed(
          'rejected',
          'Only one call at a time in this session; ask for this one in the next reply.',
          'none',
        );
      const key = `${call.name} ${JSON.stringify(call.arguments)}`;
      repeats = key === lastKey ? repeats + 1 : 1;
      lastKey = key;
      if (repeats <= identicalCallsMaxCount) return undefined;
      return failed(
        'limit_reached',
        `The same call was made ${identicalCallsMaxCount} times in a row; it is not made again. Answer with what is known.`,
        'none',
      );
    },
  };
}
