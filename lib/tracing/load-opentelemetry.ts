import { AppError } from '../errors.ts';

/** The packages of OpenTelemetry, as far as they are used. */
export interface Opentelemetry {
  api: typeof import('@opentelemetry/api');
  resources: Pick<typeof import('@opentelemetry/resources'), 'resourceFromAttributes'>;
  sdk: Pick<typeof import('@opentelemetry/sdk-trace-node'), 'BatchSpanProcessor' | 'NodeTracerProvider'>;
  exporter: Pick<typeof import('@opentelemetry/exporter-trace-otlp-http'), 'OTLPTraceExporter'>;
}

/**
 * Loads the packages. They are optional: a server without OTEL_EXPORTER_OTLP_ENDPOINT never loads them. Rejects with
 * `invalid_request` when they are not installed.
 */
export async function loadOpentelemetry(): Promise<Opentelemetry> {
  try {
    const [api, resources, sdk, exporter] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ]);
    return { api, resources, sdk, exporter };
  } catch (cause) {
    throw new AppError(
      'invalid_request',
      'OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages for traces are missing: take the setting out, or run `npm install @opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http`.',
      { cause },
    );
  }
}
