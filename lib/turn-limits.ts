import { limitDocumentThreads } from './common/document-threads.ts';
import type { Limits } from './config.ts';
import { limitPictures } from './files/pictures.ts';

/** Sets the limits of the turns of documents and avatars, which the process has once. */
export function limitTurns(limits: Limits): void {
  limitDocumentThreads({
    atOnce: limits.documentThreadsMaxCount,
    waitingMaxCount: limits.waitingDocumentsPerCallerMaxCount,
    allWaitingMaxCount: limits.waitingDocumentsMaxCount,
    waitMaxMs: limits.documentWaitTimeoutMs,
  });
  limitPictures({
    atOnce: limits.avatarsAtOnceMaxCount,
    waitingMaxCount: limits.waitingAvatarsPerCallerMaxCount,
    allWaitingMaxCount: limits.waitingAvatarsMaxCount,
    waitMaxMs: limits.avatarWaitTimeoutMs,
  });
}
