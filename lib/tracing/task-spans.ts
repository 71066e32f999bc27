import type { Attributes, Span } from '@opentelemetry/api';
import { isObject } from '../common/json.ts';
import { outcomeOf } from '../core/calls.ts';
import type { ToolResult } from '../core/message.ts';
import type { ObservedCall, Observer } from '../core/observer.ts';
import type { OpenSpan, Spans } from './spans.ts';

/** A name that a model made up may be longer. */
const NAME_MAX = 100;

/**
 * The spans of tasks, by the conventions of OpenTelemetry for generative AI (semconv 1.38): `invoke_agent` is a task, `chat` a
 * request to the model, `execute_tool` a call from its check to its result, with the span of the device in it. Arguments, results,
 * prompts and answers are in none of them.
 */
export function createTaskSpans(spans: Spans): Observer {
  return {
    task({ sessionId, taskId }) {
      const task = spans.begin({
        name: 'invoke_agent',
        kind: 'INTERNAL',
        attributes: {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.provider.name': 'lite_agent',
          'gen_ai.conversation.id': sessionId,
          'lite_agent.task.id': taskId,
        },
      });
      return { ...stepsOf(spans, task), ...endsOf(spans, task) };
    },
  };
}

/** The steps of a task. A step that begins outside of another one is a child of the task. */
function stepsOf(spans: Spans, task: OpenSpan): Omit<ReturnType<Observer['task']>, 'began' | 'ended'> {
  return {
    model: () =>
      task.within(() =>
        spans.step(
          {
            name: 'chat',
            kind: 'CLIENT',
            attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai' },
          },
          (span, { completion: { id, model, usage } }) => {
            // The endpoint says in its reply which model has answered.
            span.updateName(`chat ${model}`);
            span.setAttributes({
              'gen_ai.response.id': id,
              'gen_ai.response.model': model,
              'gen_ai.usage.input_tokens': usage.promptTokens,
              'gen_ai.usage.output_tokens': usage.completionTokens,
            });
          },
        ),
      ),
    call: (call) =>
      task.within(() =>
        spans.step(
          {
            name: `execute_tool ${call.name.slice(0, NAME_MAX)}`,
            kind: 'INTERNAL',
            attributes: callAttributes(call),
          },
          (span, settled) => {
            span.setAttribute('lite_agent.outcome', settled ? outcomeOf(settled.result) : 'dropped');
            if (settled) noteError(spans, span, settled.result);
          },
        ),
      ),
    // It begins within the span of its call, which is its parent.
    send: (call) =>
      spans.step(
        {
          name: call.operation ?? call.name,
          kind: 'CLIENT',
          attributes: { 'lite_agent.device': call.device ?? '(unregistered)' },
        },
        (span, result) => noteError(spans, span, result),
      ),
    question: (kind) =>
      spans.step({ name: `wait for ${kind}`, kind: 'INTERNAL', attributes: {} }, (span, answer) =>
        // Without an answer the question waits on at the next owner.
        span.setAttribute('lite_agent.answer', answer?.kind ?? 'left'),
      ),
  };
}

/** The beginning and the end of the span of a task. A stop is no failure, and neither is a task that is left to another node. */
function endsOf(spans: Spans, { span }: OpenSpan): Pick<ReturnType<Observer['task']>, 'began' | 'ended'> {
  return {
    began: () => void span.addEvent('began'),
    ended(end) {
      span.setAttribute('lite_agent.status', end);
      if (end === 'failed') spans.fail(span, 'failed');
      span.end();
    },
  };
}

function callAttributes({ callId, name, device, effect, operation }: ObservedCall): Attributes {
  return {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': name.slice(0, NAME_MAX),
    'gen_ai.tool.call.id': callId,
    'gen_ai.tool.type': 'function',
    ...(device !== undefined && { 'lite_agent.device': device }),
    ...(effect !== undefined && { 'lite_agent.effect': effect }),
    ...(operation !== undefined && { 'lite_agent.operation': operation }),
  };
}

/** The code of a result's error; its text may hold what the device said. */
function noteError(spans: Spans, span: Span, { error }: ToolResult): void {
  if (isObject(error)) spans.fail(span, typeof error['code'] === 'string' ? error['code'] : 'failed');
}
