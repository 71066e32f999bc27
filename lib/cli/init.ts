import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Argument, type Command } from 'commander';
import { AppError, messageOf } from '../errors.ts';
import { packageRoot } from '../package.ts';
import { lampTemplate } from './init/lamp.ts';
import { meterTemplate } from './init/meter.ts';
import { robotTemplate } from './init/robot.ts';
import { print } from './io.ts';

/** The templates, each with the usual name of its file, and a tool to try. */
const templates = {
  meter: { text: meterTemplate, file: 'meter.openmodbus.yaml', tool: 'read_power' },
  lamp: { text: lampTemplate, file: 'lamp.openapi.yaml', tool: 'get_power' },
  robot: { text: robotTemplate, file: 'robot.openrpc.yaml', tool: 'robot_status' },
} as const;

/** Adds `init`: it writes a document to begin with. */
export function addInit(program: Command): void {
  program
    .command('init')
    .description(
      'write a commented document of a device to begin with: a Modbus meter, an HTTP lamp or a JSON-RPC robot',
    )
    .addArgument(new Argument('<device>', 'the kind of device').choices(Object.keys(templates)))
    .argument('[file]', 'the file to write; one that exists is not overwritten')
    .option('--json', 'print one JSON value: {"file"}')
    .action(
      async (device: keyof typeof templates, given: string | undefined, options: { json?: boolean }) => {
        const { text, file: usual, tool } = templates[device];
        const file = given ?? usual;
        // The schema of this installation: an editor finds it without a network.
        await save(file, text.replace('{schema}', join(packageRoot(), 'examples/openmodbus.schema.json')));
        const next = [
          `${relative('', file) || file} is written. Next:`,
          `  npx lite-agent tools ${file}              the tools that a model gets`,
          `  npx lite-agent simulate ${file}           a simulated device of it; no hardware moves`,
          `  npx lite-agent call ${file} ${tool} '{}'  one call, no model`,
          `  npx lite-agent chat --spec ${file}        talk to it`,
        ];
        await print(process.stdout, options.json ? `${JSON.stringify({ file })}\n` : `${next.join('\n')}\n`);
      },
    );
}

/** Writes a new file. Throws `invalid_request`, also for a file that is there already. */
async function save(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = isThere ? 'it is there already; name another file' : messageOf(cause);
    throw new AppError('invalid_request', `${file} cannot be written: ${why}.`, { cause });
  }
}
