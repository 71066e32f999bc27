import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { isDemoModel } from '../models/is-demo-model.ts';
import { apiUrl } from './call-server.ts';
import { openChatClient, type TurnObserver } from './client.ts';
import { addDeviceOptions, withDevices, type DeviceOptions } from './device-options.ts';
import { converse } from './dialogue.ts';
import { onOwnDatabase, openOwnServer, privately, type OwnServer } from './server.ts';
import { hasColors, liveWatcher } from './show.ts';
import { describePlaces } from './places.ts';
import { readEntry } from './spec.ts';
import { createSpinner } from './spinner.ts';

/** The options of `chat`, as commander names them. */
interface ChatOptions extends DeviceOptions {
  /** Documents: files or URLs. */
  spec?: string[];
  /** Names of devices that the server knows. */
  device?: string[];
  /** A running server; missing: one of this process. */
  url?: string;
  /** A session of the running server; missing: a new one. */
  session?: string;
  token?: string;
  systemPrompt?: string;
  /** Every envelope as a line of JSON. */
  json?: boolean;
}

/** Adds `chat`: sentences from the terminal or a pipe to a session, of an own server or of a running one. */
export function addChat(program: Command): void {
  addDeviceOptions(program.command('chat'))
    .description('talk to devices on a terminal, or send sentences from a pipe, one sentence a line')
    .option('--spec <place...>', 'the documents that describe the devices: files or http(s) URLs')
    .option('--device <name...>', 'devices that the server knows, by their names')
    .option('--system-prompt <text>', 'the system prompt: instructions for the model')
    .option(
      '--url <url>',
      'connect to a running server, such as http://127.0.0.1:9527/api; without this option the command starts its own',
    )
    .option(
      '--session <id>',
      'join this session of the running server; without this option a new one is opened',
    )
    .option(
      '--token <token>',
      'the access token for the running server; AUTH_TOKEN of the settings by default',
    )
    .option('--json', 'print every envelope as a line of JSON')
    .action(async (options: ChatOptions, command: Command) => {
      if (options.session !== undefined && options.url === undefined) {
        command.error(
          'error: --session needs --url: the server that this command starts has no sessions yet',
        );
      }
      const places = options.spec ?? [];
      const openSpecList = withDevices(await Promise.all(places.map((place) => readEntry(place))), options);
      const spinner = createSpinner(process.stdout);
      const server =
        options.url === undefined ? await openOwnServer(settingsFor(options)) : remote(options.url);
      try {
        const client = await openChatClient({
          url: server.url,
          session: options.session,
          // The own server asks for no token.
          token: options.url === undefined ? undefined : (options.token ?? readConfig().authToken),
          capability: {
            openSpecList,
            ...(options.device && { devices: options.device }),
            ...(options.systemPrompt === undefined ? {} : { systemPrompt: options.systemPrompt }),
          },
          observer:
            options.json === true
              ? jsonLines
              : process.stdin.isTTY
                ? liveWatcher((text) => {
                    spinner.clear();
                    process.stdout.write(text);
                  }, hasColors(process.stdout))
                : {},
        });
        await converse({
          client,
          json: options.json === true,
          expectsCalls:
            (openSpecList.length > 0 || options.device !== undefined) &&
            // The model of another server is not known here.
            options.url === undefined &&
            isDemoModel(readConfig().model),
          spinner,
          describe: (what) => describePlaces(what, places, openSpecList),
        });
        await client.close();
      } finally {
        await server.close();
      }
    });
}

/** A server of its own knows devices only with the database of the settings. */
function settingsFor({ device }: ChatOptions): NodeJS.Dict<string> {
  return device === undefined ? privately : onOwnDatabase;
}

/** A server in another process. Its address may have `/api` at the end, or not. */
function remote(address: string): Pick<OwnServer, 'url' | 'close'> {
  return { url: apiUrl(address), close: async () => {} };
}

/** Prints every envelope as it comes, one JSON value a line. */
const jsonLines: TurnObserver = {
  envelope: (envelope) => void process.stdout.write(`${JSON.stringify(envelope)}\n`),
};
