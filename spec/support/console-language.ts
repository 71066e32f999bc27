/** Browser code is checked against the types of browsers, so that it is loaded by its name. */
const languageModule = '../../lib/console/language.ts';

/** Does a work with the texts of the console as a browser of this language has them. `path` is the module that the work uses. */
export async function inConsoleLanguage<T>(
  language: string,
  path: string,
  work: (module: unknown) => T,
): Promise<T> {
  const known = Object.getOwnPropertyDescriptor(globalThis, 'localStorage');
  const kept = new Map([['lite-agent.language', language]]);
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  Object.defineProperty(globalThis, 'localStorage', { value: storage, configurable: true });
  try {
    const module: unknown = await import(`../../lib/console/${path}`);
    const page = (await import(languageModule)) as { language: { value: string }; switchLanguage(): void };
    if (page.language.value !== language) page.switchLanguage();
    return work(module);
  } finally {
    if (known) Object.defineProperty(globalThis, 'localStorage', known);
    else Reflect.deleteProperty(globalThis, 'localStorage');
  }
}
