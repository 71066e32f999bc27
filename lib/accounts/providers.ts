import { isLoopbackHost } from '../common/addresses.ts';
import type { Configuration, TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';

/** The names of all providers, in the order of their buttons. */
export const providerNames = ['jaccount', 'github', 'google'] as const;
/** The name of a provider. */
export type ProviderName = (typeof providerNames)[number];

/** The credentials that a provider gave to this server. */
export interface ProviderSecrets {
  clientId: string;
  clientSecret: string;
}

/** The addresses of a provider; only specs use others than the real ones. */
export interface ProviderPlace {
  issuer: string;
  profile: string;
}

/** A person as the provider knows it. */
export interface ProviderProfile {
  issuer: string;
  subject: string;
  name: string;
}

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** Everything that is special about one provider. */
export interface Provider extends ProviderPlace {
  /** For people. */
  title: string;
  /** The scopes that are asked for. */
  scope: string;
  /** How the id_token is signed: there is none, with the provider's key, or with the client's secret. */
  idToken: 'none' | 'key' | 'secret';
  /** The provider's endpoints; missing: they are discovered at the issuer [OIDC Discovery 4]. */
  endpoints?: (issuer: string) => { authorization_endpoint: string; token_endpoint: string };
  /** The person of the tokens; `read` gets the profile's JSON. */
  identify(tokens: Tokens, read: () => Promise<unknown>, place: ProviderPlace): Promise<ProviderProfile>;
}

/** The table of providers. */
export const providers: Record<ProviderName, Provider> = {
  jaccount: {
    title: 'jAccount',
    issuer: 'https://jaccount.sjtu.edu.cn/oauth2/',
    profile: 'https://api.sjtu.edu.cn/v1/me/profile',
    scope: 'openid basic',
    idToken: 'secret',
    endpoints: (issuer) => ({
      authorization_endpoint: new URL('authorize', issuer).href,
      token_endpoint: new URL('token', issuer).href,
    }),
    // A person may have several accounts over the years, and one student number.
    async identify(_tokens, read, { issuer }) {
      const { entities } = (await read()) as { entities?: { code?: unknown; name?: unknown }[] };
      const { code, name } = entities?.[0] ?? {};
      return { issuer, subject: textOf(code), name: textOf(name) };
    },
  },
  github: {
    title: 'GitHub',
    issuer: 'https://github.com/login/oauth',
    profile: 'https://api.github.com/user',
    scope: 'read:user',
    idToken: 'none',
    endpoints: (issuer) => ({
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/access_token`,
    }),
    async identify(_tokens, read, { issuer }) {
      const { id, name, login } = (await read()) as { id?: unknown; name?: unknown; login?: unknown };
      return { issuer, subject: textOf(id), name: textOf(name) || textOf(login) };
    },
  },
  google: {
    title: 'Google',
    issuer: 'https://accounts.google.com',
    profile: '',
    scope: 'openid profile',
    idToken: 'key',
    async identify(tokens, _read, { issuer }) {
      const claims = tokens.claims();
      return { issuer, subject: textOf(claims?.sub), name: textOf(claims?.['name']) };
    },
  },
};

/** The configuration of the client library for a provider: from the table, or discovered at the issuer. */
export async function configure(
  provider: Provider,
  { clientId, clientSecret }: ProviderSecrets,
  fetchIt: typeof fetch,
): Promise<Configuration> {
  const client = await import('openid-client');
  const { issuer, endpoints, idToken } = provider;
  const metadata = idToken === 'secret' ? { id_token_signed_response_alg: 'HS256' } : {};
  const authentication = client.ClientSecretBasic(clientSecret);
  const insecure = isLoopbackHttp(issuer) ? [client.allowInsecureRequests] : [];
  const carry = plainFetch(fetchIt);
  if (!endpoints)
    return client.discovery(new URL(issuer), clientId, metadata, authentication, {
      execute: [...insecure, client.enableNonRepudiationChecks],
      timeout: TIMEOUT_SECONDS,
      [client.customFetch]: carry,
    });
  const configuration = new client.Configuration(
    { issuer, ...endpoints(issuer) },
    clientId,
    metadata,
    authentication,
  );
  configuration.timeout = TIMEOUT_SECONDS;
  configuration[client.customFetch] = carry;
  for (const allow of insecure) allow(configuration);
  return configuration;
}

/** How long a provider may take for one answer. */
const TIMEOUT_SECONDS = 10;

/** A server on this machine may be called without TLS: nothing leaves the machine. */
function isLoopbackHttp(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && isLoopbackHost(hostname);
}

/** The client library wants a Response of the platform, and it sends forms as objects. */
function plainFetch(fetchIt: typeof fetch) {
  return async (url: string, { body, headers, method, signal }: FetchOptions): Promise<Response> => {
    const answer = await fetchIt(url, {
      method,
      headers: { 'user-agent': 'lite-agent', ...headers },
      ...(body !== undefined &&
        body !== null && { body: body instanceof URLSearchParams ? body.toString() : (body as string) }),
      ...(signal && { signal }),
    });
    const { status } = answer;
    const empty = status === 204 || status === 304;
    return new Response(empty ? null : await answer.arrayBuffer(), {
      status,
      headers: new Headers([...answer.headers]),
    });
  };
}

/** The options that the client library passes. */
interface FetchOptions {
  body?: unknown;
  headers: Record<string, string>;
  method: string;
  signal?: AbortSignal | undefined;
}

/** A name or number of a profile as a text; empty for anything else. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}
