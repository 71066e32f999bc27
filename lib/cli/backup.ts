import { resolve } from 'node:path';
import type { Command } from 'commander';
import { backUp } from '../backup/backup.ts';
import { readConfig } from '../config.ts';
import { print } from './io.ts';

/** Adds `backup`: everything that the server of the settings keeps, as one file. */
export function addBackup(program: Command): void {
  program
    .command('backup <file>')
    .description(
      'write the database, the keys and the files of the server of the settings into one new file, while it works',
    )
    .option('--json', 'print one JSON value: {"file","version","madeAt","engine","files"}')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const config = readConfig();
      const file = resolve(name);
      const { files, secretKeyProof, ...facts } = await backUp(config, file);
      const count = Object.keys(files).length;
      if (json) return print(process.stdout, `${JSON.stringify({ file, ...facts, files: count })}\n`);
      const notes = [
        `The backup ${file} has ${count} files, and is checked.`,
        secretKeyProof === undefined
          ? 'It has the keys of the server: whoever has the file can read the secrets of devices and models. Keep it like them.'
          : 'SECRET_KEY is not in it: keep SECRET_KEY apart from it. Without SECRET_KEY the keys of devices and models are lost.',
        ...(config.jwtSecrets.length > 0
          ? ['JWT_SECRET is not in it: with another one, users sign in again.']
          : []),
        ...(config.s3 ? [`The pictures are in the bucket ${config.s3.bucket}, and not in the backup.`] : []),
      ];
      return print(process.stdout, `${notes.join('\n')}\n`);
    });
}
