import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { packageVersion } from '../package.ts';
import type { House } from './demo/house.ts';
import { callServer } from './call-server.ts';
import { openChatClient } from './client.ts';
import { printedConfig } from './mcp-config.ts';
import { openOwnServer, type OwnServer } from './server.ts';
import { formatEnvelope, hasColors, paint } from './show.ts';
import { readEntry } from './spec.ts';
import { nextSignal } from './signals.ts';

/** The sentences of the demo, one for each device. */
const sentences = [
  'Set the target temperature of the air conditioner to 23.5 degrees',
  '打开厨房的灯',
  'Move the robot to shelf 7',
];

/** Settings for a demo that needs only this machine, and leaves nothing on it: no key, no token. They win over all others. */
const offline = (folder: string): NodeJS.Dict<string> => ({
  DATA_DIR: folder,
  DATABASE_URL: '',
  HOST: '127.0.0.1',
  AUTH: 'none',
  AUTH_TOKEN: '',
  baseUrl: '',
  apiKey: '',
  OPENAI_BASE_URL: '',
  OPENAI_API_KEY: '',
  LOG_LEVEL: 'warn',
});

/** Adds `demo`: a server with three simulated devices, three sentences to them, and every envelope. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('start a server and three simulated devices, and say three sentences to them; needs no key')
    .option('--once', 'end after the three sentences; without this option the server stays up')
    .action(async ({ once = false }: { once?: boolean }) => {
      const colors = hasColors(process.stdout);
      const say = (text = '') => void process.stdout.write(`${text}\n`);
      const title = (text: string) => say(`\n${paint('bold', text, colors)}`);
      const stop = nextSignal();
      // Users, keys and logs of a demo must not mix with real ones, so that it has a folder of its own, which is removed.
      const folder = await mkdtemp(join(tmpdir(), 'lite-agent-demo-'));
      let server: OwnServer | undefined;
      let house: House | undefined;
      try {
        server = await openOwnServer(offline(folder));
        const { simulateHouse } = await import('./demo/house.ts');
        house = await simulateHouse();
        say(paint('bold', `LiteAgent Server ${packageVersion()} at ${server.url}`, colors));
        say(
          'No hardware moves: the devices are simulated, and the model is an offline stand-in that matches words.',
        );
        title('The devices before');
        say(describe(house));
        const openSpecList = await Promise.all(
          house.devices.map(async ({ document, device }) => ({
            ...(await readEntry(document)),
            server: device.server,
          })),
        );
        const client = await openChatClient({
          url: server.url,
          capability: { openSpecList },
          observer: { envelope: (envelope) => say(formatEnvelope(envelope, colors)) },
        });
        let failed = false;
        for (const sentence of sentences) {
          title(`“${sentence}”`);
          const { status } = await client.say(sentence);
          // The other sentences are said all the same.
          failed ||= status !== 'done';
        }
        title('The devices after');
        say(describe(house));
        await client.close();
        if (failed) process.exitCode = 1;
        if (!once) {
          // Only where the demo stays: nobody could look at them otherwise.
          await register(server.url, house);
          title(
            `Still running. Open ${new URL('/', server.url).href} in a browser. Or try, in another terminal:`,
          );
          say(advice(server.url, client.id, house));
          title(
            'For an MCP host: claude_desktop_config.json of Claude Desktop, or ~/.cursor/mcp.json of Cursor',
          );
          say(printedConfig('claude', [], { url: server.url }));
          say('  A model of your own: write baseUrl, apiKey and model into .env.local, then npm start.');
          say('  Ctrl-C ends the demo.');
          await stop.signal;
        }
      } finally {
        // The server first: a task that still runs finds its device.
        await server?.close();
        await house?.close();
        await rm(folder, { recursive: true, force: true });
        stop.cancel();
      }
    });
}

/** Makes the devices of the house known to the server, for the console and for MCP hosts. */
async function register(url: string, { devices }: House): Promise<void> {
  for (const { name, document, device } of devices) {
    const entry = { ...(await readEntry(document)), name: name.replaceAll(' ', '-'), server: device.server };
    await callServer({ url }, 'POST', '/devices', entry);
  }
}

/** The state of each device in one line. The demo shows it before and after the sentences. */
function describe({ devices }: House): string {
  return devices.map(({ name, device }) => `  ${name.padEnd(16)} ${device.state()}`).join('\n');
}

/** Commands to copy, with the addresses of this very demo. */
function advice(url: string, session: string, { devices }: House): string {
  const [, lights] = devices;
  const document = relative(process.cwd(), lights?.document ?? '');
  return [
    `  npx lite-agent chat --url ${url} --session ${session}     talk to these devices`,
    `  npx lite-agent tools ${document}     what a document lets the model do`,
    `  npx lite-agent call ${document} list_lights '{}' --server ${lights?.device.server}     one call, no model`,
    `  curl '${url}/history?id=${session}'     everything that was said`,
  ].join('\n');
}
