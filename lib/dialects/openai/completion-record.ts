import type { JsonObject } from '../../common/json.ts';
import { AppError, ModelError, type ErrorCode } from '../../errors.ts';
import { shownCallId } from './completion-request.ts';
import { messageOfFailure } from './errors.ts';
import type { ResponsePlace } from './ids.ts';
import { partItems } from './items.ts';
import { isAnswerCut, usageOf, type TaskRecord } from './task-record.ts';

/** Between two texts of one answer: in this shape the texts of all replies of a part are one text. */
export const TEXT_BREAK = '\n\n';

/** The text of a part of a task, and the calls that the client has to make. */
export function saidIn(
  { sessionId, part }: ResponsePlace,
  record: TaskRecord,
): { text: string; calls: JsonObject[] } {
  const texts: string[] = [];
  const calls: JsonObject[] = [];
  // In this shape the calls of devices are items of another type.
  for (const item of partItems(sessionId, record, 'mcp_call', part)) {
    if (item.type === 'message')
      texts.push(item.content.map((one) => (one as { text: string }).text).join(''));
    if (item.type !== 'function_call') continue;
    const { name, arguments: args } = item;
    calls.push({ id: shownCallId(item), type: 'function', function: { name, arguments: args } });
  }
  return { text: texts.join(TEXT_BREAK), calls };
}

/** The reason of an answer's end. */
export function finishOf(record: TaskRecord, calls: readonly JsonObject[]): 'tool_calls' | 'length' | 'stop' {
  if (calls.length > 0) return 'tool_calls';
  return isAnswerCut(record) ? 'length' : 'stop';
}

/** The tokens of a part of a task. */
export function formatUsage(record: TaskRecord, part: number): JsonObject {
  const { input, output, total } = usageOf(record, part);
  return { prompt_tokens: input, completion_tokens: output, total_tokens: total };
}

/** The error of a task that has no answer; undefined for any other one. */
export function completionFailure({ ended }: TaskRecord): AppError | undefined {
  if (!ended || ended.status === 'done') return undefined;
  if (ended.status === 'stopped') return new AppError('stopped', 'The task was stopped.');
  const words = messageOfFailure(ended.error);
  const { code = 'internal' } = ended.error ?? {};
  return code === 'model_error' ? new ModelError(words) : new AppError(code as ErrorCode, words);
}
