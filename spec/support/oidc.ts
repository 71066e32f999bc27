import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Configuration } from 'oidc-provider';
import type { ProviderPlace } from '../../lib/accounts/providers.ts';

/** A provider on loopback, where everybody signs in as `subject` and agrees to everything. */
export interface OidcServer {
  readonly place: ProviderPlace;
  /** Who signs in next. */
  subject: string;
  /** What the profile's address answers with. */
  profile: unknown;
  /** Goes through the sign-in as a browser would; gives the URL that it is sent back to. */
  visit(url: string): Promise<URL>;
  close(): Promise<void>;
}

export const clientId = 'lite-agent';
export const clientSecret = 'a-client-secret-of-forty-characters-0123';
export const callbackUrl = 'http://127.0.0.1:9527/auth/callback/x';

export interface OidcOptions {
  /** Under which path of the server the provider is, with the slash at the end of its issuer or without. */
  issuerPath: string;
  routes: NonNullable<Configuration['routes']>;
  algorithm: 'RS256' | 'HS256';
  /** Where browsers may be sent back to. */
  callbackUrls?: string[];
}

export async function openOidcServer({
  issuerPath,
  routes,
  algorithm,
  callbackUrls = [callbackUrl],
}: OidcOptions): Promise<OidcServer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { warn, info } = console;
  console.warn = console.info = () => undefined; // it tells that what is for trying things out is just that
  const { Provider } = await import('oidc-provider');
  const provider = new Provider(`${origin}${issuerPath}`, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: callbackUrls,
        id_token_signed_response_alg: algorithm,
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'HS256'] },
    scopes: ['openid', 'profile', 'basic', 'read:user'],
    claims: { openid: ['sub'], profile: ['name'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    routes,
    ttl: { Interaction: 60, Grant: 60, Session: 60, AccessToken: 60, IdToken: 60 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, name: `Name of ${sub}` }) }),
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({ clientId, accountId: ctx.oidc.session!.accountId! });
      grant.addOIDCScope('openid profile basic read:user');
      await grant.save();
      return grant;
    },
  });
  Object.assign(console, { warn, info });
  const handle = provider.callback();
  const path = issuerPath.replace(/\/$/, '');
  const oidc: OidcServer = {
    place: { issuer: `${origin}${issuerPath}`, profile: `${origin}/profile` },
    subject: 'somebody',
    profile: {},
    visit,
    close: () => close(server),
  };
  server.on('request', (request, response) => {
    if (request.url === '/profile') {
      const known = request.headers.authorization?.startsWith('Bearer ') ?? false;
      response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(known ? oidc.profile : {}));
    }
    if (request.url?.startsWith('/interaction/'))
      return void provider.interactionFinished(request, response, { login: { accountId: oidc.subject } });
    request.url = request.url!.slice(path.length);
    Object.assign(request, { originalUrl: `${path}${request.url}` });
    void handle(request, response);
    return undefined;
  });

  async function visit(start: string): Promise<URL> {
    const jar = new Map<string, string>();
    let url = new URL(start);
    while (url.origin === origin) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        jar.set(name, value);
      }
      const next = answer.headers.get('location');
      if (next === null)
        throw new Error(`${url.href} answered with ${answer.status}: ${await answer.text()}`);
      url = new URL(next, url);
    }
    return url;
  }
  return oidc;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
