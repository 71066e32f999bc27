import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.ts';
import { asksForPage } from '../../server/intake.ts';
import { route, type Mount, type Route } from '../../server/mount.ts';
import { formatProblem } from '../../server/problem.ts';
import { describeSockets } from './asyncapi.ts';
import { contentsDocument, manualStyle, missingDocument, pageDocument } from './manual-html.ts';
import { findPage, findPicture, listPages } from './manual.ts';
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

/**
 * The manual at `/docs`, and the description of all calls and sockets of the other mounts, for programs, and at `/docs/api` for people.
 * Nothing here holds data of users.
 */
export function describeMounts(others: readonly Mount[], version: string): Mount {
  const mount: Mount = {
    name: 'docs',
    prefixes: ['/docs', '/openapi.json', '/asyncapi.json'],
    // The pages describe this mount, too, which is not made yet.
    routes: createRoutes(() => [...others, mount], version),
    sockets: [],
    anonymous: undefined,
    formatError: (error) => formatProblem(error),
    sendMissingPage,
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
    ...manualRoutes(),
    ...referenceRoutes(),
  ];
}

/** The manual: pages of text, which need no script. */
function manualRoutes(): Route[] {
  return [
    route({
      method: 'GET',
      path: '/docs',
      summary: 'The contents of the manual; with q, the headings that have all its words.',
      access: 'open',
      entrance: true,
      query: { type: 'object', properties: { q: { type: 'string', maxLength: 200 } } },
      async handle({ query: { q = '' }, response }) {
        sendHtml(response, contentsDocument(await listPages(), q), MANUAL_POLICY);
      },
    }),
    route({
      method: 'GET',
      path: '/docs/:page',
      summary: 'A page of the manual.',
      access: 'open',
      entrance: true,
      async handle({ params, request, response }) {
        if (params.page === 'manual.css') return send(response, 'text/css', manualStyle);
        const picture = await findPicture(params.page);
        if (picture) return send(response, 'image/webp', picture);
        const page = await findPage(params.page);
        if (page) return sendHtml(response, pageDocument(page, await listPages()), MANUAL_POLICY);
        const detail = 'The manual has no such page. Its contents are at /docs.';
        // A program gets the error in JSON.
        if (!asksForPage(request)) throw new AppError('not_found', detail);
        await sendMissingPage(response, detail);
      },
    }),
  ];
}

/** Every call and socket, for people; its library is a package. */
function referenceRoutes(): Route[] {
  return [
    route({
      method: 'GET',
      path: '/docs/api',
      summary: 'Every call and the WebSockets, as a page.',
      access: 'open',
      entrance: true,
      handle: ({ response }) => sendHtml(response, pageHtml, REFERENCE_POLICY),
    }),
    route({
      method: 'GET',
      path: '/docs/api/:file',
      summary: 'A file of that page.',
      access: 'open',
      async handle({ params, response }) {
        const name = params.file;
        // Every object has a field such as `constructor`.
        const file = Object.hasOwn(files, name) ? files[name] : undefined;
        if (!file && name !== 'page.js') throw new AppError('not_found', 'The page has no such part.');
        const content = file ? await readFile(fileURLToPath(file.url())) : pageScript;
        send(response, file?.type ?? 'text/javascript', content);
      },
    }),
  ];
}

/** Text and pictures of this server. The form is the search [CSP 3]. */
const MANUAL_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/** The library of this page sets styles on elements, and its icons are data URLs. */
const REFERENCE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Answers a person at an address where nothing is. */
async function sendMissingPage(response: ServerResponse, detail: string): Promise<void> {
  sendHtml(response, missingDocument(await listPages(), detail), MANUAL_POLICY, 404);
}

/** Sends a page. The policy says what a browser may load for it [CSP 3]. */
function sendHtml(response: ServerResponse, html: string, policy: string, status = 200): void {
  response.setHeader('Content-Security-Policy', policy);
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(html);
}

/** Sends a file that changes with a release only: browsers keep it for an hour. */
function send(response: ServerResponse, type: string, content: string | Buffer): void {
  response.writeHead(200, {
    'Content-Type': type.startsWith('text/') ? `${type}; charset=utf-8` : type,
    'Content-Length': Buffer.byteLength(content),
    'Cache-Control': 'max-age=3600',
  });
  response.end(content);
}
