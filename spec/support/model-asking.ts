import type { Content } from '../../lib/core/message.ts';
import type { Model, ModelConfig, ModelReply, ModelRequest, ToolOffer } from '../../lib/core/model.ts';
import { openModels, type ModelsOptions } from '../../lib/models/index.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from './model-server.ts';

/** A request of one user sentence. */
export function sentence(text: string, tools: readonly ToolOffer[] = []): ModelRequest {
  const content: Content[] = [{ type: 'text', text }];
  return { messages: [{ role: 'user', content }], tools };
}

/** Asks without a stop and without deltas. */
export function ask(model: Model, request: ModelRequest = sentence('Hello')): Promise<ModelReply> {
  return model.reply(request, { signal: new AbortController().signal });
}

/** Asks for deltas and returns them beside the reply. */
export async function askStreamed(
  model: Model,
  request: ModelRequest = sentence('Hello'),
): Promise<{ deltas: string[]; reply: ModelReply }> {
  const deltas: string[] = [];
  const signal = new AbortController().signal;
  const reply = await model.reply(request, { signal, onDelta: (text) => deltas.push(text) });
  return { deltas, reply };
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const failed = await promise.then(
    () => ({ error: undefined, resolved: true }),
    (error: unknown) => ({ error, resolved: false }),
  );
  if (failed.resolved) throw new Error('it resolved');
  return failed.error;
}

/** Runs `use` with a scripted endpoint and a model opened on it, and checks that the script was played to its end. */
export async function withModelServer(
  steps: readonly ModelServerStep[],
  use: (model: Model, server: ModelServer) => Promise<void>,
  more: { config?: ModelConfig; options?: Partial<ModelsOptions> } = {},
): Promise<void> {
  const server = await startModelServer(steps);
  try {
    const models = openModels({ fetch, ...more.options });
    await use(models.open({ baseUrl: server.baseUrl, apiKey: 'sk-spec-key', ...more.config }), server);
    server.expectDone();
  } finally {
    await server.close();
  }
}
