import type { Command } from 'commander';
import { describeSettings, readConfig, type Config } from '../config.ts';
import { messageOf } from '../errors.ts';
import { checkDatabase, checkModel, checkPlace } from './doctor/connections.ts';
import { checkDisk, checkFiles, checkNode, type Check } from './doctor/machine.ts';
import { print, type Io } from './io.ts';
import { settingTypos, typoText } from './setting-typos.ts';
import { hasColors, paint } from './show.ts';
import { unsafeSettings } from '../unsafe.ts';

/** Adds `doctor`: checks the settings and everything that they name. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'check the settings, the files, the database, the model, and devices; ends with 1 when a check fails',
    )
    .argument('[places...]', 'documents (a file or an http(s) URL), and devices as host:port')
    .option(
      '--json',
      'print one JSON value: {"ok","checks":[{"name","state","detail"}],"settings":[{"name","origin","value"}]}',
    )
    .action(async (places: string[], options: { json?: boolean }) => {
      process.exitCode = await runDoctor(places, options, process);
    });
}

/** Checks everything and returns the exit code. */
export async function runDoctor(
  places: readonly string[],
  { json = false }: { json?: boolean },
  io: Io,
): Promise<number> {
  const checks = await allChecks(places);
  const ok = checks.every(({ state }) => state !== 'failed');
  const settings = describeSettings();
  if (json) {
    await print(io.stdout, `${JSON.stringify({ ok, checks, settings })}\n`);
  } else {
    const colors = hasColors(io.stdout);
    const longest = Math.max(...settings.map(({ name }) => name.length));
    const set = settings.map(
      ({ name, origin, value }) => `  ${name.padEnd(longest)} ${origin.padEnd(11)} ${value}`,
    );
    const style = { ok: 'green', warning: 'yellow', failed: 'red' } as const;
    const rows = checks.map(({ name, state, detail }) =>
      `  ${paint(style[state], state.padEnd(7), colors)}  ${name.padEnd(12)}  ${detail}`.trimEnd(),
    );
    await print(io.stdout, `${['Settings', ...set, '', 'Checks', ...rows].join('\n')}\n`);
  }
  return ok ? 0 : 1;
}

/** All checks, in the order in which they are shown. Without readable settings only Node is checked. */
async function allChecks(places: readonly string[]): Promise<Check[]> {
  const read = readSettings();
  if ('failed' in read) return [checkNode(), read.failed];
  const { config } = read;
  // At the same time: some of them wait for another machine.
  const found = await Promise.all([
    checkDisk(config),
    checkDatabase(config),
    checkModel(config),
    ...places.map((place) => checkPlace(place, config)),
  ]);
  const settings: Check = {
    name: 'settings',
    state: 'ok',
    detail: `listen on ${config.host}:${config.port}`,
  };
  const unsafe = unsafeSettings(config).map(({ setting, detail, refused }): Check => ({
    name: 'unsafe',
    state: refused ? 'failed' : 'warning',
    detail: `${setting} ${detail}`,
  }));
  const typos = settingTypos().map((typo): Check => ({
    name: 'typo',
    state: 'warning',
    detail: typoText(typo),
  }));
  return [checkNode(), settings, ...typos, ...unsafe, ...checkFiles(config), ...found];
}

/** The settings, or a failed check in the place of an error. */
function readSettings(): { config: Config } | { failed: Check } {
  try {
    return { config: readConfig() };
  } catch (error) {
    return { failed: { name: 'settings', state: 'failed', detail: messageOf(error) } };
  }
}
