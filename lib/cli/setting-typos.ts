import { resolve } from 'node:path';
import { closestWord } from '../common/closest-word.ts';
import { readEnvFile } from '../env-file.ts';
import { envNameOf, limits, settings } from '../settings.ts';

/** The files of settings, from the one that wins on. */
const FILES = ['.env.local', '.env'];

/** A name in a file of settings that is near to a setting, and is none. */
export interface SettingTypo {
  file: string;
  name: string;
  meant: string;
}

/** The names in the files of settings that are probably misspelt. Names that are like no setting belong to other programs. */
export function settingTypos(folder: string = process.cwd()): SettingTypo[] {
  const known = [
    ...Object.keys(settings),
    ...Object.keys(limits).map(envNameOf),
    // Names of other programs that the settings take, too.
    'OPENAI_BASE_URL',
    'OPENAI_API_KEY',
    'OPENAI_MODEL',
  ];
  return FILES.flatMap((file) => {
    const names = Object.keys(readEnvFile(resolve(folder, file)));
    return names.flatMap((name) => {
      const meant = known.includes(name) ? undefined : closestWord(name, known);
      return meant === undefined ? [] : [{ file, name, meant }];
    });
  });
}

/** A typo as a sentence. */
export function typoText({ file, name, meant }: SettingTypo): string {
  return `${file}: ${name} is no setting, and is ignored; did you mean ${meant}?`;
}
