import type { Command } from 'commander';
import type { JsonObject } from '../common/json.ts';
import { callServer } from './call-server.ts';
import { print } from './io.ts';
import { addServerOptions, runningServer, type RunningOptions } from './running-server.ts';

/** An approval as the server shows it. */
interface Shown {
  id: string;
  device: string;
  name: string;
  parameters: JsonObject;
  /** Why it waits, in words. */
  rule: string;
  /** Missing where nobody is known who asked. */
  askedByName?: string;
  /** When nobody can decide any more, as the API writes times. */
  expiresAt: string;
}

/** The options of `approve` and `reject`. */
interface DecideOptions extends RunningOptions {
  reason?: string;
  json?: boolean;
}

/** Adds `approvals`: the calls that wait for the decision of a person. */
export function addApprovals(program: Command): void {
  const approvals = program
    .command('approvals')
    .description('show the calls that wait for your decision, and decide about them')
    .helpCommand(false);
  const shape = '{"id","device","name","parameters","rule","approvers","expiresAt",…}';
  addServerOptions(approvals.command('list', { isDefault: true }))
    .description('show the open approvals that you may decide')
    .option('--json', `print one JSON value: [${shape}]`)
    .action(async (options: RunningOptions & { json?: boolean }) => {
      const open = (await callServer(runningServer(options), 'GET', '/approvals')) as unknown as Shown[];
      const text = open.map(describe).join('\n') || 'No call waits for you.';
      await print(process.stdout, `${options.json ? JSON.stringify(open) : text}\n`);
    });
  for (const decision of ['approve', 'reject'] as const)
    addServerOptions(approvals.command(`${decision} <id>`))
      .description(decision === 'approve' ? 'let a call go' : 'keep a call from being sent')
      .option('--reason <text>', 'the reason, which the model and the client see')
      .option('--json', 'print one JSON value: {"id","decision","by","reason"}')
      .action(async (id: string, { reason, json, ...place }: DecideOptions) => {
        const body = { decision, ...(reason !== undefined && { reason }) };
        const path = `/approvals/${encodeURIComponent(id)}`;
        const made = await callServer(runningServer(place), 'POST', path, body);
        const text = `${id}: ${decision === 'approve' ? 'approved' : 'rejected'}.`;
        await print(process.stdout, `${json ? JSON.stringify(made) : text}\n`);
      });
}

function describe({ id, device, name, parameters, rule, askedByName, expiresAt }: Shown): string {
  const asker = askedByName === undefined ? '' : `asked by ${askedByName}, `;
  return `${id}  ${device}: ${name} ${JSON.stringify(parameters)}\n    ${rule}\n    ${asker}until ${expiresAt}`;
}
