import { t } from '../language.ts';
import { hrefOf } from '../route.ts';
import { modelHere } from './model-here.ts';
import { status } from './server-status.ts';

/** Says that the demo model answers, where it does, and how to connect another one. */
export function DemoNotice() {
  if (!status.value?.model.demo || modelHere.value) return null;
  return (
    <div class="notice">
      <p>
        <strong>{t('demoTitle')}</strong> {t('demoLead')}
      </p>
      <a href={hrefOf('status')}>{t('demoLink')}</a>
    </div>
  );
}
