import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Attributes, Context, Span, SpanContext, SpanKind, Tracer } from '@opentelemetry/api';
import { AppError } from '../errors.ts';
import type { ObservedStep } from '../core/observer.ts';
import type { Opentelemetry } from './load-opentelemetry.ts';
import { parseTraceparent } from './traceparent.ts';

/** A span that has begun. */
export interface OpenSpan {
  span: Span;
  /** Runs work in which each new span is a child of this one. */
  within<Result>(work: () => Result): Result;
}

/** A span to begin. `parent` is the span around the running work when it is missing. */
export interface SpanOptions {
  name: string;
  kind: keyof typeof SpanKind;
  attributes: Attributes;
  parent?: Context;
}

/** Begins spans, and knows which one is around the running work. */
export class Spans {
  readonly #api: Opentelemetry['api'];
  readonly #tracer: Tracer;
  /** The context around the running work. It follows the work over each `await`. */
  readonly #active: AsyncLocalStorage<Context>;

  constructor(api: Opentelemetry['api'], tracer: Tracer, active: AsyncLocalStorage<Context>) {
    this.#api = api;
    this.#tracer = tracer;
    this.#active = active;
  }

  /** The context of the running work. */
  get current(): Context {
    return this.#active.getStore() ?? this.#api.ROOT_CONTEXT;
  }

  /** The span around the running work; undefined where there is none. */
  get currentSpan(): SpanContext | undefined {
    return this.#api.trace.getSpanContext(this.current);
  }

  /** The context of a request with this `traceparent` header. */
  contextOf(header: string | string[] | undefined): Context {
    const parent = parseTraceparent(header);
    return parent ? this.#api.trace.setSpanContext(this.#api.ROOT_CONTEXT, parent) : this.#api.ROOT_CONTEXT;
  }

  /** Runs work in a context. */
  run<Result>(context: Context, work: () => Result): Result {
    return this.#active.run(context, work);
  }

  /** Begins a span. The caller ends it. */
  begin({ name, kind, attributes, parent = this.current }: SpanOptions): OpenSpan {
    const span = this.#tracer.startSpan(name, { kind: this.#api.SpanKind[kind], attributes }, parent);
    const context = this.#api.trace.setSpan(parent, span);
    return { span, within: (work) => this.#active.run(context, work) };
  }

  /** A step as a span; `note` writes its value down. The text of an error stays out, because it may name what people said. */
  step<Value>(options: SpanOptions, note: (span: Span, value: Value) => void): ObservedStep<Value> {
    const { span, within } = this.begin(options);
    return {
      within,
      done(value) {
        note(span, value);
        span.end();
      },
      failed: (error) => {
        this.fail(span, error instanceof AppError ? error.code : 'internal');
        span.end();
      },
    };
  }

  /** Marks a span as failed, with the kind of its error. */
  fail(span: Span, type: string): void {
    span.setAttribute('error.type', type);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
  }
}
