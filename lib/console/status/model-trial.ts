import { call, callErrorOf } from '../api.ts';
import { t } from '../language.ts';
import { durationText } from '../time.ts';
import type { ModelHere } from './model-here.ts';

/** The answer of `POST /api/model/test`; `detail` is what the model said, or why there is no answer. */
interface TrialAnswer {
  ok: boolean;
  ms: number;
  detail: string;
}

/** Asks a model, or that of the server, and resolves with a sentence about its answer. */
export async function tryModel(model: Partial<ModelHere> = {}): Promise<{ ok: boolean; text: string }> {
  try {
    const { ok, ms, detail } = await call<TrialAnswer>('POST', '/api/model/test', model);
    const text = ok ? t('modelOk', { ms: durationText(ms), text: detail }) : t('modelBad', { text: detail });
    return { ok, text };
  } catch (error) {
    return { ok: false, text: t('modelBad', { text: callErrorOf(error).message }) };
  }
}
