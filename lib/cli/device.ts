import type { Command } from 'commander';
import type { JsonObject, JsonValue } from '../common/json.ts';
import { readConfig } from '../config.ts';
import { readRulesFile } from '../devices/device-folder.ts';
import { credentialsOf, credentialsShape } from './credentials.ts';
import { openDeviceStore, type DevicePlace, type DeviceStore } from './device-store.ts';
import { print } from './io.ts';
import { readEntry } from './spec.ts';

/** The options that every command has. */
interface Shared extends DevicePlace {
  json?: boolean;
}

/** The options of `add`, as commander names them. */
interface AddOptions extends Shared {
  title?: string;
  /** The address of the device in the place of the document's own. */
  server?: string;
  /** JSON, as credentials.ts reads it. */
  credentials?: string;
  /** The name of a file with rules. */
  rules?: string;
  tag?: string[];
  /** User names or `role:<role>`; missing: everybody. */
  user?: string[];
}

/** Adds `device`: the devices that the server knows, in the database of the settings or on a running server. */
export function addDevice(program: Command): void {
  const device = program
    .command('device')
    .description('manage the devices that the server knows; sessions name them in "devices"')
    .helpCommand(false);
  const command = (usage: string, description: string, shape: string): Command =>
    device
      .command(usage)
      .description(description)
      .option(
        '--url <url>',
        'a running server, such as http://127.0.0.1:9527/api; the database of the settings by default',
      )
      .option('--token <token>', 'the access token for it; AUTH_TOKEN of the settings by default')
      .option('--json', `print one JSON value: ${shape}`);
  const shape = '{"name","title","kind","version","enabled","tags","state",…}';

  command('add <name> <spec>', 'register a device with its document', shape)
    .option('--title <text>', "a title instead of the document's own")
    .option(
      '--server <url>',
      "the address of the device (base URL, or host:port) instead of the document's own",
    )
    .option('--credentials <json>', credentialsShape)
    .option('--rules <file>', 'a YAML or JSON file with the rules of the device')
    .option('--tag <tag...>', 'tags, by which lists are made')
    .option('--user <user...>', 'the users who may use it: user names or role:<role>; everybody by default')
    .action((name: string, place: string, options: AddOptions) =>
      withDevices(options, async (devices) => {
        const made = await devices.add(await definitionOf(name, place, options));
        await show(made, options, describeMade(made));
      }),
    );
  command('list', 'show all devices', `[${shape}]`)
    .option('--tag <tag>', 'the devices with this tag only')
    .action((options: Shared & { tag?: string }) =>
      withDevices(options, async (devices) => {
        const all = await devices.list(options.tag);
        await show(all, options, all.map(describeListed).join('\n') || 'There are no devices yet.');
      }),
    );
  command('show <name>', 'show a device; its keys are masked', shape).action(
    (name: string, options: Shared) =>
      withDevices(options, async (devices) => {
        const found = await devices.show(name);
        await show(found, options, JSON.stringify(found, undefined, 2));
      }),
  );
  command(
    'check <name>',
    'ask whether a device is there; never a write',
    '{"reachable","ms","detail"}',
  ).action((name: string, options: Shared) =>
    withDevices(options, async (devices) => {
      const reach = await devices.check(name);
      const { reachable, ms, detail } = reach;
      const word = reachable === true ? 'reachable' : reachable === false ? 'not reachable' : 'not known';
      await show(reach, options, `${name}: ${word} (${text(ms)} ms). ${text(detail)}`);
      // A device whose reach is not known is no failure.
      if (reachable === false) process.exitCode = 1;
    }),
  );
  command(
    'remove <name>',
    'remove a device; calls of sessions that use it are refused',
    '{"name","removed"}',
  ).action((name: string, options: Shared) =>
    withDevices(options, async (devices) => {
      await devices.remove(name);
      await show({ name, removed: true }, options, `${name} is removed.`);
    }),
  );
}

/** Opens the devices at the place of the options, and closes them after the work. */
async function withDevices(
  { url, token }: Shared,
  work: (devices: DeviceStore) => Promise<void>,
): Promise<void> {
  // A token is for a running server only: the database asks for none.
  const known = url === undefined ? undefined : (token ?? readConfig().authToken);
  const devices = await openDeviceStore({ ...(url && { url }), ...(known && { token: known }) });
  try {
    await work(devices);
  } finally {
    await devices.close();
  }
}

/** A device of the options. A document behind a URL stays a URL: its endpoint may describe itself. */
export async function definitionOf(name: string, place: string, options: AddOptions): Promise<JsonObject> {
  const { title, server, credentials, rules, tag: tags, user: users } = options;
  const isUrl = /^https?:\/\//i.test(place);
  const described = isUrl ? { openSpec: place } : await readEntry(place);
  const ruled = rules === undefined ? undefined : await readRulesFile(rules, '--rules');
  return {
    ...described,
    name,
    ...(title !== undefined && { title }),
    ...(server !== undefined && { server }),
    ...(credentialsOf(credentials) as JsonObject),
    ...(ruled && { rules: ruled }),
    ...(tags && { tags }),
    ...(users && { users }),
  };
}

/** A new device in words, with the warnings about its document. */
function describeMade({ name, version, kind, tools, warnings }: JsonObject): string {
  const lines = Array.isArray(warnings) ? warnings.map((warning) => `  ${text(warning)}`) : [];
  const count = Array.isArray(tools) ? tools.length : 0;
  return [
    `${text(name)} is registered: version ${text(version)}, ${text(kind)}, ${count} tools`,
    ...lines,
  ].join('\n');
}

/** A device in a line of the list. */
function describeListed({ name, title, kind, version, enabled, tags, fault }: JsonObject): string {
  const state = fault === undefined ? (enabled === false ? 'disabled' : '') : `broken: ${text(fault)}`;
  const words = Array.isArray(tags) ? tags.map((tag) => `#${text(tag)}`).join(' ') : '';
  return [text(name), `v${text(version)}`, text(kind), text(title), words, state].join('  ').trimEnd();
}

/** A text or a number of an answer; empty for anything else. */
function text(value: JsonValue | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Prints the value as JSON, or the text. */
function show(value: object, { json = false }: Shared, words: string): Promise<void> {
  return print(process.stdout, `${json ? JSON.stringify(value) : words}\n`);
}
