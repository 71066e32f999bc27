import { anonymous } from '../../accounts/access.ts';
import { formatProblem } from '../../server/problem.ts';
import type { Dialect, Parts } from '../dialect.ts';
import { consoleFolder, pageFiles } from './page-files.ts';
import { consoleRoutes } from './page.ts';
import { sessionRoutes } from './session-routes.ts';
import { statusRoutes } from './status-routes.ts';
import { trialRoutes } from './trial-routes.ts';

type Needs =
  | 'accounts'
  | 'access'
  | 'config'
  | 'devices'
  | 'models'
  | 'overview'
  | 'sessions'
  | 'simulations'
  | 'version';

/** The parts that the routes of the console take. */
export type ConsoleParts = Pick<Parts, Needs>;

/**
 * The console: the page at `/`, and the calls under `/api` that only people need: their sessions, the state of the server,
 * and the trial of a document or a model. The page is a client like any other: it calls nothing that is not in
 * `/openapi.json`.
 *
 * `folder` has the built page; it is read once, at the first request.
 */
export function createConsole(folder: string): Dialect<Needs> {
  return {
    name: 'console',
    mount(parts) {
      return {
        name: 'console',
        prefixes: ['/console', '/api/access', '/api/model', '/api/sessions', '/api/status', '/api/trial'],
        routes: [
          ...consoleRoutes(pageFiles(folder)),
          ...sessionRoutes(parts),
          ...statusRoutes(parts),
          ...trialRoutes(parts),
        ],
        sockets: [],
        anonymous: parts.config.auth === 'none' ? anonymous : undefined,
        formatError: (error) => formatProblem(error),
      };
    },
  };
}

/** The console with the page that `npm run build` makes. */
export const builtConsole: Dialect<Needs> = {
  name: 'console',
  mount: (parts) => createConsole(consoleFolder()).mount(parts),
};
