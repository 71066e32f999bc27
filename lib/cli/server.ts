import { readConfig } from '../config.ts';
import { openLog } from '../log.ts';

/** A server in this process. */
export interface OwnServer {
  /** Base of the HTTP calls, e.g. `http://127.0.0.1:9527/api`. */
  url: string;
  /** Reads the files of devices and rules again. Never rejects. */
  reload(): Promise<void>;
  /** Stops gracefully and waits for the last log line. */
  close(): Promise<void>;
}

/** Settings for a server of this process alone: on any free port of this machine, with nothing left on the disk. */
export const privately: NodeJS.Dict<string> = {
  HOST: '127.0.0.1',
  PORT: '0',
  AUTH: 'none',
  AUTH_TOKEN: '',
  PUBLIC_URL: '',
  TRUSTED_PROXIES: '',
  DATABASE_URL: 'sqlite::memory:',
  LOG_LEVEL: 'error',
};

/** Settings for a server of this process on the database of the settings, where devices are known. */
export const onOwnDatabase: NodeJS.Dict<string> = {
  HOST: '127.0.0.1',
  PORT: '0',
  AUTH: 'none',
  AUTH_TOKEN: '',
  PUBLIC_URL: '',
  TRUSTED_PROXIES: '',
  LOG_LEVEL: 'error',
};

/** Opens a server in this process. `fixed` settings win over all others. Throws an AppError that says what to do. */
export async function openOwnServer(fixed: NodeJS.Dict<string> = {}): Promise<OwnServer> {
  const config = readConfig({ fixed });
  // Loaded only here: most commands need no server.
  const { openApp } = await import('../app.ts');
  const log = await openLog({ level: config.logLevel, file: config.logFile, pretty: process.stderr.isTTY });
  try {
    const app = await openApp(config, log);
    return {
      url: `${app.url}/api`,
      reload: () => app.reload(),
      close: async () => {
        await app.close();
        await log.close();
      },
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}
