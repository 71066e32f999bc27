import { basename, relative } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { defaultKinds } from '../defaults.ts';
import { AppError, SpecError } from '../errors.ts';
import { readFilesBeside } from '../openspec/files.ts';
import { parseText } from '../openspec/parse.ts';
import type { Controlled } from '../simulate/control.ts';
import { simulateDocument } from '../openspec/simulate-document.ts';
import type { Simulation } from '../simulate/simulation.ts';
import { withFaults } from './document.ts';
import { print, type Io } from './io.ts';
import { hasColors, paint } from './show.ts';
import { nextSignal } from './signals.ts';
import { readSpec } from './spec.ts';

/** The options of `simulate`. */
export interface SimulateCommandOptions {
  /** The port of the first device; missing: that of each document. */
  port?: number;
  /** The address that the devices listen on; loopback when missing. */
  host?: string;
  /** The control port; 0: any free one. */
  control?: number;
  /** Measured values of Modbus devices change slowly. */
  drift?: boolean;
  json?: boolean;
}

/** The page of the control port, under the options of `--help`. */
const help = `
The control port answers on loopback, in JSON; DEVICE is a document's name without its endings:
  GET    /                     every device
  GET    /DEVICE               one of them, with its values and its fault
  GET    /DEVICE/state[/NAME]  its values, or one: by function, method or path
  PUT    /DEVICE/state/NAME    puts a value in place, also one that can only be read
  PUT    /DEVICE/fault         {"kind":"delay","ms":500}, {"kind":"exception","code":4}, {"kind":"drop"} or {"kind":"garbage"};
                               the code is a Modbus exception, an HTTP status or a JSON-RPC error code
  DELETE /DEVICE/fault         ends it`;

/** Adds `simulate`: it serves documents as simulated devices. */
export function addSimulate(program: Command): void {
  program
    .command('simulate')
    .description(
      'simulate the devices of documents, with their state and with faults on request; no hardware moves',
    )
    .argument('<documents...>', 'files, - for standard input, or http(s) URLs')
    .option(
      '--port <port>',
      'the port of the first device; the other devices get the next ports. 0: any free ports. By default the port of the document, where it names this machine, else any free one',
      portOf,
    )
    .option('--host <host>', 'the address that the devices listen on', '127.0.0.1')
    .option(
      '--control <port>',
      'the control port, to read and set values and to make faults; a free port by default',
      portOf,
      0,
    )
    .option('--drift', 'change the measured values of Modbus devices slowly, inside their range')
    .option(
      '--json',
      'print one JSON value when all devices listen: {"control","devices":[{"name","kind","server",…}]}',
    )
    .addHelpText('after', help)
    .action(async (documents: string[], options: SimulateCommandOptions) => {
      const stop = nextSignal();
      try {
        await runSimulate(documents, options, process, stop.signal);
      } finally {
        stop.cancel();
      }
    });
}

/** Serves documents until `stop` resolves. Throws an AppError when one cannot be served, and then leaves nothing open. */
export async function runSimulate(
  documents: readonly string[],
  options: SimulateCommandOptions,
  io: Io,
  stop: Promise<unknown>,
): Promise<void> {
  const { control: controlPort = 0, json = false } = options;
  const { openControl } = await import('../simulate/control.ts');
  // A failure closes the devices that were started before it. Their ports would stay taken otherwise.
  const undo: (() => Promise<void>)[] = [];
  try {
    const running: (Controlled & Simulation)[] = [];
    for (const [index, document] of documents.entries()) {
      const simulation = await start(document, index, options);
      undo.push(() => simulation.device.close());
      running.push({ ...simulation, document, name: nameFor(document, running) });
    }
    const control = await openControl(running, controlPort).catch((error: unknown) => {
      throw listenError(error, `127.0.0.1:${controlPort}`);
    });
    undo.push(() => control.close());
    await print(io.stdout, json ? jsonOf(control.url, running) : textOf(control.url, running, io.stdout));
    await stop;
  } finally {
    await Promise.all(undo.map((close) => close()));
  }
}

/** Starts one device. Its port is the first one plus its place in the list; 0 is any free one; a missing port is that of the document. */
async function start(place: string, index: number, options: SimulateCommandOptions): Promise<Simulation> {
  const { host = '127.0.0.1', port, drift = false } = options;
  const { text, source } = await readSpec(place);
  const { document } = await parseText(text);
  const { files } = await readFilesBeside(document, source);
  const wanted = port === undefined ? {} : { port: port === 0 ? 0 : port + index };
  const from = source === undefined ? {} : { source };
  return simulateDocument(defaultKinds, document, { host, drift, files, ...wanted, ...from }).catch(
    (error: unknown) => {
      throw error instanceof SpecError
        ? withFaults(place, error)
        : listenError(error, `${host}:${(port ?? 0) + index}`);
    },
  );
}

/** The reasons why a device cannot listen, in words. */
const listenFaults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not open the port; take one above 1023',
  ENOTFOUND: 'no machine has this name',
};

/** A fault of listening in words; any other error is as it was. */
function listenError(error: unknown, place: string): unknown {
  const why = listenFaults[(error as NodeJS.ErrnoException).code ?? ''];
  if (why === undefined) return error;
  return new AppError('unavailable', `Cannot listen on ${place}: ${why}.`, { cause: error });
}

/** The name of a device in paths: its file's name without suffixes. */
function nameFor(document: string, others: readonly Controlled[]): string {
  const file = basename(document.replace(/[?#].*$/, '')).replace(/\.(?:json|ya?ml)$/i, '');
  const plain = file.replace(/\.open(?:api|rpc|modbus)$/i, '').replaceAll(/[^\w.-]+/g, '-');
  const base = plain === '-' || plain === '' ? 'device' : plain;
  let name = base;
  // The names are parts of paths of the control port: no two may be equal.
  for (let n = 2; others.some((other) => other.name === name); n++) name = `${base}-${n}`;
  return name;
}

/** The value of `--json`: scripts wait for this line, which comes when all devices listen. */
function jsonOf(control: string, running: readonly (Controlled & Simulation)[]): string {
  const devices = running.map(({ name, kind, title, document, described, note, device }) => ({
    name,
    kind,
    title,
    document,
    server: device.server,
    ...(described === undefined ? {} : { described }),
    ...(note === undefined ? {} : { note }),
  }));
  return `${JSON.stringify({ control, devices })}\n`;
}

/** The text for people: each device with its address, and commands to copy. */
function textOf(
  control: string,
  running: readonly (Controlled & Simulation)[],
  stdout: Io['stdout'],
): string {
  const colors = hasColors(stdout);
  const lines = ['No hardware moves: these devices are simulated. Ctrl-C ends them.'];
  for (const { name, kind, title, document, described, note, device } of running) {
    const { server } = device;
    const shown =
      document === '-' || /^https?:/i.test(document) ? document : relative('', document) || document;
    const own = described === undefined ? 'the document names no address' : `the document says ${described}`;
    const here = described === server ? 'as the document says' : own;
    // The document leads to the simulated device already, where that has taken the port of the document.
    const usage = described === server ? '' : ` --server ${server}`;
    lines.push(
      '',
      `${paint('bold', title, colors)}: ${kind}, as ${name}`,
      `  listens on ${paint('cyan', server, colors)} (${here})`,
      ...(note === undefined ? [] : [`  ${paint('yellow', note, colors)}`]),
      `  npx lite-agent tools ${shown}`,
      `  npx lite-agent call ${shown} TOOL '{}'${usage}`,
      `  curl ${control}/${name}`,
    );
  }
  const [first] = running;
  lines.push(
    '',
    `Control port: ${paint('cyan', control, colors)}; values and faults, see --help`,
    `  curl -X PUT ${control}/${first?.name ?? ''}/fault -d '{"kind":"delay","ms":500}'`,
    `  curl -X DELETE ${control}/${first?.name ?? ''}/fault`,
  );
  return `${lines.join('\n')}\n`;
}

/** Reads a port; 0 means any free one. Throws an error that commander shows with the option's name. */
function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}
