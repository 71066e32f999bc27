import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import type { RunningServer } from './call-server.ts';

/** The options that name a running server. */
export interface RunningOptions {
  url?: string;
  token?: string;
}

/** Adds the options that name a running server. */
export function addServerOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'the running server, such as http://127.0.0.1:9527/api; the one of the settings on this machine by default',
    )
    .option('--token <token>', 'the access token for it; AUTH_TOKEN of the settings by default');
}

/** The server that the options name. */
export function runningServer({ url, token }: RunningOptions): RunningServer {
  const { port, authToken } = readConfig();
  return { url: url ?? `http://127.0.0.1:${port}`, token: token ?? authToken };
}
