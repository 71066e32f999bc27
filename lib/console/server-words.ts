import { language } from './language.ts';
import { failureWords, faultTexts, unsafeWords, wantedWords } from './texts/server-words.ts';

/** A fault as the API says it: with a code and values where it has a code. */
export interface ShownFault {
  pointer: string;
  detail: string;
  code?: string;
  data?: Readonly<Record<string, string | number>>;
}

/** A fault in the language of the page; a fault without words there has those of the server. */
export function faultText(fault: ShownFault): string {
  const { code = '', data = {}, detail } = fault;
  const words = language.value === 'en' ? undefined : faultTexts[code];
  if (words === undefined) return detail;
  return words.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(data[name] ?? '');
    return wantedWords[value] ?? value;
  });
}

/** An unsafe setting in the language of the page. */
export function unsafeText({ setting, detail }: { setting: string; detail: string }): string {
  return (language.value === 'en' ? undefined : unsafeWords[setting]) ?? detail;
}

/** The failure of a call or of a task; the `detail` of Modbus is its message. */
export interface ShownFailure {
  code?: string | number;
  message?: string;
  detail?: string;
}

/** A failure in the language of the page, before the words of the server: those say which value or device it was. */
export function saidFailure({ code = '', message, detail = '' }: ShownFailure): string {
  const said = message ?? detail;
  const words = language.value === 'en' ? undefined : failureWords[code];
  return words === undefined ? said : said === '' ? words : `${words}（${said}）`;
}
