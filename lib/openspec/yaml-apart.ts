import { existsSync } from 'node:fs';
import { Worker, type MessagePort, type WorkerOptions } from 'node:worker_threads';
import { inDocumentThread } from '../common/document-threads.ts';
import type { FairTurn } from '../common/fair-gate.ts';
import { createPauses } from '../common/pauses.ts';
import { LongText } from '../common/long-text.ts';
import { AppError, SpecError, toError, type Fault } from '../errors.ts';
import { packageRoot } from '../package.ts';
import { treeOfYaml } from './tree.ts';
import { MAX_CHARS, tooLargeForYaml } from './yaml.ts';

/** The messages to the thread: the pieces of a document, its end, and a request for the next piece of the answer. */
type ToThread = { piece: string } | { isEnd: true } | { wantsMore: true };
/** The messages from the thread: the pieces of the JSON text, then the end with the warnings or the faults. */
type FromThread = { piece: string } | YamlEnd;
type YamlEnd = { warnings: string[] } | { message: string; faults: readonly Fault[] };
type YamlAnswer = { json: LongText; warnings: string[] } | { message: string; faults: readonly Fault[] };

/** A real document of 3 MB takes 2 s. */
const PARSE_MAX_MS = 30_000;
const MEMORY_MAX_MIB = 768;
/** A thread without work ends after this time. */
const IDLE_MS = 30_000;

/**
 * A YAML text as JSON, parsed in another thread: the event loop is not held. Rejects with a SpecError for a bad document,
 * and for one that takes longer than 30 s or more memory than 768 MiB; with the signal's reason when it aborts; with
 * `too_many_requests` or `unavailable` when too many documents wait.
 */
export async function parseYamlApart(
  source: LongText,
  turn: FairTurn = {},
): Promise<{ json: LongText; warnings: string[] }> {
  if (source.length > MAX_CHARS) throw tooLargeForYaml();
  const answer = await inDocumentThread(() => parseInThread(source, turn.signal), turn);
  if ('json' in answer) return answer;
  throw new SpecError(answer.message, answer.faults);
}

/**
 * The thread's side: takes the pieces of documents, and says what each holds. It waits after each piece of an answer: a thousand messages
 * that lie there are taken in one turn of the event loop. An error that is no fault of a document ends the thread.
 */
export function answerYaml(port: MessagePort): void {
  let source = new LongText();
  let goOn = (): void => undefined;
  // oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origins
  const send = (piece: string): Promise<void> => {
    port.postMessage({ piece } satisfies FromThread);
    return new Promise((resolve) => (goOn = resolve));
  };
  port.on('message', (message: ToThread) => {
    if ('piece' in message) source.push(message.piece);
    else if ('wantsMore' in message) goOn();
    else {
      const text = source.toString();
      source = new LongText();
      void answerFor(text, send).then((end) => port.postMessage(end));
    }
  });
  // oxlint-enable unicorn/require-post-message-target-origin
}

/** Parses one text, and sends its JSON in pieces. Only a fault of the document becomes an answer. */
async function answerFor(source: string, send: (piece: string) => Promise<void>): Promise<YamlEnd> {
  try {
    const { document, warnings } = await treeOfYaml(source);
    for (const window of LongText.of([JSON.stringify(document)]).windows()) await send(window);
    return { warnings };
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    return { message: error.message, faults: error.faults };
  }
}

/** Threads without work, the one that worked last at the end. A start takes longer than most documents. */
const idle: { thread: Worker; retirement: NodeJS.Timeout }[] = [];

async function parseInThread(source: LongText, signal: AbortSignal | undefined): Promise<YamlAnswer> {
  signal?.throwIfAborted();
  const thread = takeThread();
  try {
    const answer = await ask(thread, source, signal);
    retireLater(thread);
    return answer;
  } catch (error) {
    await thread.terminate(); // it may still be at work
    throw error;
  }
}

/** A thread for one document: one without work, else a new one. */
function takeThread(): Worker {
  const known = idle.pop();
  if (!known) return startThread({ resourceLimits: { maxOldGenerationSizeMb: MEMORY_MAX_MIB } });
  clearTimeout(known.retirement);
  for (const event of ['error', 'exit']) known.thread.removeAllListeners(event);
  known.thread.ref();
  return known.thread;
}

/** Keeps a thread for the next document, for a while. It keeps no process alive. */
function retireLater(thread: Worker): void {
  const retire = (): void => {
    const at = idle.findIndex((one) => one.thread === thread);
    if (at >= 0) clearTimeout(idle.splice(at, 1)[0]?.retirement);
    void thread.terminate();
  };
  thread.once('error', retire);
  thread.once('exit', retire);
  thread.unref();
  idle.push({ thread, retirement: setTimeout(retire, IDLE_MS).unref() });
}

/** The answer of a thread. Rejects when it takes too long or too much memory, and with the signal's reason when it aborts. */
async function ask(thread: Worker, source: LongText, signal: AbortSignal | undefined): Promise<YamlAnswer> {
  const listening = new AbortController();
  const deadline = AbortSignal.timeout(PARSE_MAX_MS);
  try {
    return await new Promise<YamlAnswer>((resolve, reject) => {
      const once = { once: true, signal: listening.signal };
      deadline.addEventListener(
        'abort',
        () => reject(tooCostly(`it takes longer than ${PARSE_MAX_MS / 1000} s`)),
        once,
      );
      signal?.addEventListener('abort', () => reject(toError(signal.reason)), once);
      const json = new LongText();
      thread.on('message', (message: FromThread) => {
        if ('piece' in message) {
          json.push(message.piece);
          // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origins
          thread.postMessage({ wantsMore: true } satisfies ToThread);
        } else resolve('warnings' in message ? { json, ...message } : message);
      });
      thread.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
            ? tooCostly('it takes too much memory')
            : new AppError('internal', 'The document could not be parsed.', { cause }),
        ),
      );
      thread.once('exit', () =>
        reject(new AppError('internal', 'The thread that parses documents has ended.')),
      );
      post(thread, source).catch((error: unknown) => reject(toError(error)));
    });
  } finally {
    listening.abort();
    for (const event of ['message', 'error', 'exit']) thread.removeAllListeners(event);
  }
}

/** Sends a document to a thread. */
async function post(thread: Worker, source: LongText): Promise<void> {
  const pause = createPauses();
  // oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origins
  for (const window of source.windows()) {
    thread.postMessage({ piece: window } satisfies ToThread);
    await pause();
  }
  thread.postMessage({ isEnd: true } satisfies ToThread);
  // oxlint-enable unicorn/require-post-message-target-origin
}

/** The thread's program: from source through tsx, beside a bundle, or in the published package. */
function startThread(options: WorkerOptions): Worker {
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
