import Negotiator from 'negotiator';
import { AppError } from '../../errors.ts';
import { route, type Call, type Route } from '../../server/mount.ts';
import type { PageFile } from './page-files.ts';

/**
 * Scripts and styles of this server only, none inline, and pictures that a message holds. The page goes into no frame: a button
 * that moves a device must not be clicked by mistake [CSP 3].
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page at `/`, and its files. */
export function consoleRoutes(files: () => Promise<ReadonlyMap<string, PageFile>>): Route[] {
  return [
    route({
      method: 'GET',
      path: '/',
      summary: 'The console: a page to talk to devices, and to see how the server is.',
      access: 'open',
      entrance: true,
      async handle(call) {
        const page = (await files()).get('index.html');
        if (!page) throw new AppError('not_found', 'The console is not built: run `npm run build`.');
        call.response.setHeader('Content-Security-Policy', policy);
        call.response.setHeader('Referrer-Policy', 'no-referrer');
        send(call, page, 'no-cache');
      },
    }),
    // The names hold a digest of the content, so that a browser may keep them for ever.
    route({
      method: 'GET',
      path: '/console/:file',
      summary: 'A file of the console.',
      access: 'open',
      async handle(call) {
        const file = (await files()).get(call.params.file);
        if (!file) throw new AppError('not_found', 'The console has no such file.');
        send(call, file, 'public, max-age=31536000, immutable');
      },
    }),
  ];
}

function send({ request, response }: Call, file: PageFile, cache: string): void {
  const accepted = new Negotiator(request).encodings(['br', 'gzip', 'identity']);
  const encoding = accepted.includes('br') ? 'br' : accepted.includes('gzip') ? 'gzip' : 'identity';
  const content = file[encoding];
  response.writeHead(200, {
    'Content-Type': file.type,
    'Content-Length': content.length,
    'Cache-Control': cache,
    Vary: 'Accept-Encoding',
    ...(encoding !== 'identity' && { 'Content-Encoding': encoding }),
  });
  response.end(content);
}
