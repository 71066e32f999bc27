import { Worker } from 'node:worker_threads';
import { inDocumentThread } from '../../common/document-threads.ts';
import type { FairTurn } from '../../common/fair-gate.ts';
import { AppError } from '../../errors.ts';

/** More pages than a model can use. */
const PAGES_MAX_COUNT = 200;
const TIMEOUT_MS = 20_000;
const MEMORY_MAX_MB = 512;

/**
 * Reads the pages one after the other, so that a document with thousands of pages ends after the first ones. It is text, because a
 * worker of Node has no loader for TypeScript.
 */
const script = `
const { parentPort, workerData } = require('node:worker_threads');
(async () => {
  const { getDocumentProxy } = await import(workerData.reader);
  const document = await getDocumentProxy(workerData.bytes, { isEvalSupported: false, verbosity: 0 });
  const pages = [];
  for (let number = 1; number <= Math.min(document.numPages, workerData.pages); number += 1) {
    const { items } = await (await document.getPage(number)).getTextContent();
    pages.push(items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\\n' : '') : '')).join(''));
  }
  parentPort.postMessage({ pages, count: document.numPages });
})().catch((error) => parentPort.postMessage({ error: String(error && error.message) }));
`;

/** The text of a PDF document. */
export interface PdfText {
  /** The text of each page, at most the first 200. */
  pages: string[];
  /** How many pages the document has. */
  count: number;
}

/**
 * Reads the text of a PDF document, apart from the event loop. Rejects with `invalid_request` for a document that cannot be read in
 * 20 s, or at all, and with `too_many_requests` or `unavailable` when too many documents wait.
 */
export function readPdf(bytes: Uint8Array, turn?: FairTurn): Promise<PdfText> {
  return inDocumentThread(() => readInThread(bytes), turn);
}

async function readInThread(bytes: Uint8Array): Promise<PdfText> {
  const worker = new Worker(script, {
    eval: true,
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MAX_MB },
    workerData: {
      bytes: new Uint8Array(bytes),
      pages: PAGES_MAX_COUNT,
      reader: import.meta.resolve('unpdf'),
    },
  });
  const read = new Promise<PdfText>((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(new AppError('invalid_request', `The PDF document cannot be read: ${why}.`, { cause }));
    const timer = setTimeout(() => fail(`it takes more than ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
    worker.once('message', (answer: PdfText | { error: string }) => {
      clearTimeout(timer);
      if ('error' in answer) fail(answer.error);
      else resolve(answer);
    });
    worker.once('error', (error) => {
      clearTimeout(timer);
      fail('it is too large, or broken', error);
    });
  });
  try {
    return await read;
  } finally {
    await worker.terminate();
  }
}
