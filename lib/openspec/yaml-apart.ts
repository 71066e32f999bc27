import { existsSync } from 'node:fs';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import pLimit from 'p-limit';
import { AppError, SpecError, type Fault } from '../errors.ts';
import { packageRoot } from '../package.ts';
import { treeOfYaml } from './tree.ts';

/** A document as JSON text, which crosses between threads at the cost of a copy; or its faults. */
type YamlAnswer = { json: string; warnings: string[] } | { message: string; faults: readonly Fault[] };

/** A real document of 3 MB takes 2 s. */
const PARSE_MAX_MS = 30_000;
const MEMORY_MAX_MIB = 1024;
/** Documents that are parsed at the same time, of all users. */
const AT_ONCE = 2;

const limit = pLimit(AT_ONCE);

/**
 * A YAML text as JSON, parsed in a thread of its own: the event loop is not held. Rejects with a SpecError for a bad document,
 * and for one that takes longer than 30 s or more memory than 1 GiB; with the signal's reason when it aborts.
 */
export async function parseYamlApart(
  source: string,
  signal?: AbortSignal,
): Promise<{ json: string; warnings: string[] }> {
  const answer = await limit(() => runWorker(source, signal));
  if ('json' in answer) return answer;
  throw new SpecError(answer.message, answer.faults);
}

/** The thread's side: a fault of the document is an answer, and any other error ends the thread. */
export async function answerFor(source: string): Promise<YamlAnswer> {
  try {
    const { document, warnings } = await treeOfYaml(source);
    return { json: JSON.stringify(document), warnings };
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    return { message: error.message, faults: error.faults };
  }
}

async function runWorker(source: string, signal: AbortSignal | undefined): Promise<YamlAnswer> {
  signal?.throwIfAborted();
  const worker = startWorker({
    workerData: source,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MAX_MIB },
  });
  const answer = new Promise<YamlAnswer>((resolve, reject) => {
    const late = setTimeout(
      () => reject(tooCostly(`it takes longer than ${PARSE_MAX_MS / 1000} s`)),
      PARSE_MAX_MS,
    );
    const abort = (): void => reject(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    worker.once('message', (answer: YamlAnswer) => resolve(answer));
    worker.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? tooCostly('it takes too much memory')
          : new AppError('internal', 'The document could not be parsed.', { cause }),
      ),
    );
    worker.once('exit', () => {
      clearTimeout(late);
      signal?.removeEventListener('abort', abort);
      reject(new AppError('internal', 'The thread that parses documents has ended.'));
    });
  });
  try {
    return await answer;
  } finally {
    await worker.terminate();
  }
}

/** The thread's program: from source through tsx, beside a bundle, or in the published package. */
function startWorker(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    const beside = new URL('yaml-worker.js', import.meta.url);
    return new Worker(existsSync(beside) ? beside : `${packageRoot()}dist/bin/yaml-worker.js`, options);
  }
  const [tsx, program] = [
    import.meta.resolve('tsx/esm/api'),
    new URL('../../bin/yaml-worker.ts', import.meta.url).href,
  ];
  const script = `import('${tsx}').then(({ register }) => (register(), import('${program}')))`;
  return new Worker(script, { ...options, eval: true });
}

function tooCostly(why: string): SpecError {
  return new SpecError(`The YAML document cannot be read: ${why}. Send it as JSON.`);
}
