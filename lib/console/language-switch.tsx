import { language, switchLanguage, t } from './language.ts';

/** The button to the other language, by that language's own name. */
export function LanguageSwitch() {
  const other = language.value === 'en' ? 'zh-CN' : 'en';
  return (
    <button type="button" class="quiet" lang={other} title={t('languageHint')} onClick={switchLanguage}>
      {t('language')}
    </button>
  );
}
