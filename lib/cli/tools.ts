import { Option, type Command } from 'commander';
import type { Tool } from '../core/tool.ts';
import { defaultKinds } from '../defaults.ts';
import { describeTool } from '../openspec/describe-spec.ts';
import type { CompiledSpec } from '../openspec/kind.ts';
import { argumentLines } from './argument-lines.ts';
import { openOwnDocument } from './document.ts';
import { print, type Io } from './io.ts';
import { hasColors, paint } from './show.ts';

/** The options of `tools`. */
export interface ToolsOptions {
  /** The name of the only kind that is accepted. */
  kind?: string;
  json?: boolean;
  /** One line a tool, without its arguments. */
  brief?: boolean;
}

/** Adds `tools`: the tools of a document, its skipped operations, and its warnings. */
export function addTools(program: Command): void {
  program
    .command('tools')
    .description('show the tools of a document, its skipped operations with the reasons, and its warnings')
    .argument('<spec>', 'a file, - for standard input, or an http(s) URL (also of a JSON-RPC endpoint)')
    .addOption(
      new Option('--kind <kind>', 'accept a document of this kind only').choices(
        defaultKinds.map(({ name }) => name),
      ),
    )
    .option('--brief', 'show one line a tool, without its arguments')
    .option('--json', 'print one JSON value: {"kind","operations","tools","skipped","warnings"}')
    .action(async (place: string, options: ToolsOptions) => {
      process.exitCode = await runTools(place, options, process);
    });
}

/** Shows the tools of a document and returns the exit code. Throws an AppError when the document cannot be used. */
export async function runTools(
  place: string,
  { kind, json = false, brief = false }: ToolsOptions,
  io: Io,
): Promise<number> {
  const entry = kind === undefined ? {} : { protocol: kind };
  const document = await openOwnDocument(place, entry, new AbortController().signal, {
    validate: true,
    mayBeEmpty: true,
  });
  try {
    if (json) await printJson(document.spec, io.stdout);
    else await print(io.stdout, tableOf(document.spec, io.stdout, brief));
    return 0;
  } finally {
    await document.close();
  }
}

/** Texts are gathered to this size before they are printed, in characters. */
const CHUNK_CHARS = 64 * 1024;

/**
 * Prints `{"kind","operations","tools","skipped","warnings"}` one tool after the other: a large document has more text of
 * tools than memory should hold.
 */
async function printJson(spec: CompiledSpec, stdout: Io['stdout']): Promise<void> {
  const { kind, operations, tools, skipped } = spec;
  let waiting = `{"kind":${JSON.stringify(kind)},"operations":${operations},"tools":[`;
  for (const [index, tool] of tools.entries()) {
    waiting += `${index === 0 ? '' : ','}${JSON.stringify(describeTool(tool))}`;
    if (waiting.length < CHUNK_CHARS) continue;
    await print(stdout, waiting);
    waiting = '';
  }
  // The warnings of a tool are known when its parameters are made.
  const rest = `"skipped":${JSON.stringify(skipped)},"warnings":${JSON.stringify(spec.warnings)}`;
  await print(stdout, `${waiting}],${rest}}\n`);
}

/** The text for people: the tools, then the skipped operations with their reasons, then the warnings. */
function tableOf(spec: CompiledSpec, stdout: Io['stdout'], brief: boolean): string {
  const { kind, title, operations, tools, skipped, warnings } = spec;
  const colors = hasColors(stdout);
  const lines = [
    `${paint('bold', title, colors)}: ${kind}, ${count(operations, 'operation')}, ${count(tools.length, 'tool')}`,
    ...rowsOf(tools, stdout, colors, brief),
  ];
  if (skipped.length > 0) {
    lines.push('', paint('yellow', `Skipped (${skipped.length})`, colors));
    const width = widest(skipped.map(({ operation }) => operation));
    lines.push(...skipped.map(({ operation, reason }) => `  ${operation.padEnd(width)}  ${reason}`));
  }
  if (warnings.length > 0) {
    lines.push(
      '',
      paint('yellow', `Warnings (${warnings.length})`, colors),
      ...warnings.map((text) => `  ${text}`),
    );
  }
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/**
 * Name, effect, operation and the first line of the description; on a terminal no line is longer than it. The arguments, and the
 * place in the device, are in lines below.
 */
function rowsOf(
  tools: readonly Tool[],
  { isTTY = false, columns = 120 }: Io['stdout'],
  colors: boolean,
  brief: boolean,
): string[] {
  const names = widest(tools.map(({ name }) => name));
  const operations = widest(tools.map(({ operation }) => operation));
  const left = columns - names - operations - 'write'.length - 8;
  const cut = (text: string, most: number): string =>
    isTTY && text.length > most ? `${text.slice(0, Math.max(0, most - 1))}…` : text;
  return tools.flatMap((tool) => {
    const { name, effect, operation, description, place } = tool;
    const [first = ''] = description.split('\n');
    const text = cut(first, left);
    const row = [
      '',
      paint('cyan', name.padEnd(names), colors),
      paint(effect === 'write' ? 'yellow' : 'gray', effect.padEnd(5), colors),
      operation.padEnd(operations),
      left > 10 || !isTTY ? text : '',
    ].join('  ');
    if (brief) return [row];
    const below = argumentLines(describeTool(tool).parameters);
    if (place !== undefined) below.push({ name: 'at', text: place });
    const width = widest(below.map((line) => line.name));
    return [row, ...below.map((line) => cut(`      ${line.name.padEnd(width)}  ${line.text}`, columns))];
  });
}

/** The width of a column: that of its widest cell, except for a few very wide ones. */
function widest(cells: readonly string[]): number {
  return Math.min(48, Math.max(0, ...cells.map((cell) => cell.length)));
}

/** `1 tool`, `2 tools`. */
function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
