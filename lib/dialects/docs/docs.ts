import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.ts';
import { route, type Mount, type Route } from '../../server/mount.ts';
import { formatProblem } from '../../server/problem.ts';
import { describeSockets } from './asyncapi.ts';
import { describeRoutes } from './openapi.ts';
import { pageHtml, pageScript } from './page.ts';

/** The files of the page that come from a package, by their names in a URL. */
const files: Record<string, { type: string; url: () => string }> = {
  'swagger-ui.css': { type: 'text/css', url: () => import.meta.resolve('swagger-ui-dist/swagger-ui.css') },
  'swagger-ui.js': {
    type: 'text/javascript',
    url: () => import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js'),
  },
};

/** The description of all calls and sockets of the other mounts, for programs, and at `/docs` for people. It holds no data of users. */
export function describeMounts(others: readonly Mount[], version: string): Mount {
  const mount: Mount = {
    name: 'docs',
    prefixes: ['/docs', '/openapi.json', '/asyncapi.json'],
    routes: createRoutes(() => [...others, mount], version),
    sockets: [],
    anonymous: undefined,
    formatError: (error) => formatProblem(error),
  };
  return mount;
}

function createRoutes(mounts: () => readonly Mount[], version: string): Route[] {
  const json = { type: 'object' } as const;
  return [
    route({
      method: 'GET',
      path: '/openapi.json',
      summary: 'All HTTP calls, as OpenAPI.',
      access: 'open',
      answer: json,
      handle: () => describeRoutes(mounts(), version),
    }),
    route({
      method: 'GET',
      path: '/asyncapi.json',
      summary: 'The WebSockets, as AsyncAPI.',
      access: 'open',
      answer: json,
      handle: () => describeSockets(mounts(), version),
    }),
    route({
      method: 'GET',
      path: '/docs',
      summary: 'Both, as a page.',
      access: 'open',
      entrance: true,
      handle({ response }) {
        response.writeHead(200, {
          'Content-Type': 'text/html; charset=utf-8',
          // The page's library sets styles on elements, and its icons are data URLs.
          'Content-Security-Policy':
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        });
        response.end(pageHtml);
      },
    }),
    route({
      method: 'GET',
      path: '/docs/:file',
      summary: 'A file of the page.',
      access: 'open',
      async handle({ params, response }) {
        const name = params.file;
        const file = Object.hasOwn(files, name) ? files[name] : undefined;
        if (!file && name !== 'page.js') throw new AppError('not_found', 'The page has no such part.');
        const content = file ? await readFile(fileURLToPath(file.url())) : pageScript;
        response.writeHead(200, {
          'Content-Type': `${file?.type ?? 'text/javascript'}; charset=utf-8`,
          'Content-Length': Buffer.byteLength(content),
          'Cache-Control': 'max-age=3600',
        });
        response.end(content);
      },
    }),
  ];
}
