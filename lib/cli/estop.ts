import type { Command } from 'commander';
import { callServer } from './call-server.ts';
import { print } from './io.ts';
import { addServerOptions, runningServer, type RunningOptions } from './running-server.ts';

/** The options of `estop`, as commander names them. */
interface EstopOptions extends RunningOptions {
  /** One registered device; `session` is one session. Missing both: everything. */
  device?: string;
  session?: string;
  /** Releases the stop of this scope; needs a reason. */
  release?: boolean;
  /** Shows the stops that are engaged, and changes nothing. */
  state?: boolean;
  reason?: string;
  json?: boolean;
}

/** An answer of the server about emergency stops. */
interface EstopAnswer {
  /** The stops that are engaged; only for `--state`. */
  stops?: { scope: unknown; by: string; at: string; reason: string | null }[];
  /** Nodes that have not said in time that nothing leaves them any more; only after a stop. */
  nodesBehind?: number;
}

/** Adds `estop`: an emergency stop, and its release. */
export function addEstop(program: Command): void {
  addServerOptions(program.command('estop'))
    .description(
      'engage an emergency stop: no write leaves the server any more. It replaces no hardware emergency stop (ISO 13850)',
    )
    .option('--device <name>', 'stop this device only')
    .option('--session <id>', 'stop this session only')
    .option('--release', 'release the stop again; for admins, with a reason')
    .option('--state', 'show what is engaged, and change nothing')
    .option('--reason <text>', 'the reason, which the tasks and the audit log show')
    .option('--json', 'print one JSON value: {"engaged","scope","by","at","reason","nodesBehind"}')
    .action(async (options: EstopOptions, command: Command) => {
      const { device, session, release = false, state = false, reason, json } = options;
      if (device !== undefined && session !== undefined)
        command.error('error: --device and --session are two scopes: give one of them');
      if (release && reason === undefined) command.error('error: --release needs --reason');
      const server = runningServer(options);
      const scope = device !== undefined ? { device } : session !== undefined ? { session } : 'all';
      const body = { scope, ...(reason !== undefined && { reason }) };
      const answer = (await (state
        ? callServer(server, 'GET', '/estop')
        : callServer(server, 'POST', release ? '/estop/release' : '/estop', body))) as EstopAnswer;
      await print(process.stdout, `${json ? JSON.stringify(answer) : describe(answer, scope, options)}\n`);
      // A script must not take such a stop for one that holds everywhere.
      if (answer.nodesBehind) process.exitCode = 1;
    });
}

/** The scope of a stop, as the API takes it. */
type Scope = 'all' | { device: string } | { session: string };

function describe(
  { stops = [], nodesBehind = 0 }: EstopAnswer,
  scope: Scope,
  { release, state }: EstopOptions,
): string {
  const what =
    scope === 'all'
      ? 'everything'
      : 'device' in scope
        ? `the device "${scope.device}"`
        : `the session ${scope.session}`;
  if (state) {
    const lines = stops.map(
      ({ scope: held, by, at, reason }) =>
        `${JSON.stringify(held)} since ${at} by ${by}${reason === null ? '' : `: ${reason}`}`,
    );
    return lines.join('\n') || 'No emergency stop is engaged.';
  }
  if (release) return `The emergency stop of ${what} is released.`;
  return nodesBehind === 0
    ? `An emergency stop of ${what} is engaged: no write leaves any node.`
    : `An emergency stop of ${what} is engaged, but ${nodesBehind} nodes have not confirmed it: a write may still leave there.`;
}
