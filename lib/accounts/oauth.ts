/*
 * One sign-in at a provider:
 *
 *   begin       a state, and a cookie with the state and its expiry, sealed; the browser goes to the provider
 *   callback    the browser comes back with a code, the state and the cookie
 *   finish      cookie genuine? state the same? state unused? -> code for tokens -> profile -> user
 *
 * The verifier of PKCE and the nonce are computed from the state under the server's key, so nothing has to be stored.
 */

import type { Configuration } from 'openid-client';
import { AppError } from '../errors.ts';
import type { RequestSource } from './audit.ts';
import type { AccountsContext } from './context.ts';
import type { Identities } from './identities.ts';
import {
  configure,
  providerNames,
  providers,
  type Provider,
  type ProviderName,
  type ProviderPlace,
  type ProviderProfile,
  type ProviderSecrets,
} from './providers.ts';
import { newSecretText } from './secret-text.ts';
import { openState, sealState } from './oauth-state.ts';
import type { User } from './users.ts';
import type { Vouchers } from './vouchers.ts';

/** The URL for the browser, and the cookie that it must bring back. */
export interface OauthStart {
  url: string;
  /** The value of an HttpOnly, SameSite=Lax cookie: only the same browser can finish. */
  cookie: string;
  maxAgeSeconds: number;
}

/** A finished sign-in. */
export interface OauthEnd {
  user: User;
  provider: ProviderName;
  /** The page that the user wants then, if any. */
  returnTo: string | undefined;
}

/**
 * Signing in with an account of a provider [RFC 6749, RFC 9700]: PKCE with S256, a state that is valid once and for one
 * browser, a nonce where there is an id_token. Nothing is stored until the browser comes back.
 *
 * Contract: rejects with an AppError: `not_found` for a provider that is not configured, `invalid_request` for a
 * return URL that is not on the list, `unauthorized` for a sign-in that failed, `unavailable` when the provider does not answer.
 */
export interface Oauth {
  /** The configured providers, in the order of their buttons. */
  readonly providers: readonly { name: ProviderName; title: string }[];
  /** Begins a sign-in. The provider sends the browser to `callbackUrl`, which is registered there. */
  begin(
    provider: string,
    options: { callbackUrl: string; returnTo?: string | undefined },
  ): Promise<OauthStart>;
  /** Finishes a sign-in, with the query of the callback and the cookie. */
  finish(search: URLSearchParams, cookie: string | undefined, client?: RequestSource): Promise<OauthEnd>;
  /** The page that the user wanted, also of a sign-in that failed; undefined without one that began here. */
  returnOf(cookie: string | undefined): string | undefined;
}

/** What signing in at providers needs. */
export interface OauthOptions {
  context: AccountsContext;
  vouchers: Vouchers;
  identities: Identities;
  secrets: Partial<Record<ProviderName, ProviderSecrets>>;
  /** The allowed return URLs. */
  returnUrls: readonly string[];
  fetch: typeof fetch;
  /** Other addresses of providers, for specs. */
  places?: Partial<Record<ProviderName, ProviderPlace>>;
}

/** How long a user may take at the provider. */
const LIFE_MS = 10 * 60_000;
const CHALLENGE = 'S256';
/** The page of this server itself, which is always a place to return to. */
const CONSOLE_PATH = '/';

/** A provider, its name, and the credentials of this server there. */
interface Configured {
  name: ProviderName;
  provider: Provider;
  own: ProviderSecrets;
}

/** A sign-in that a browser brings back. */
type OpenedState = NonNullable<ReturnType<typeof openState>>;

/** Signing in at the configured providers. */
export function createOauth(options: OauthOptions): Oauth {
  return new ProviderSignIns(options);
}

/** The providers, and the configuration of each once it was used. */
class ProviderSignIns implements Oauth {
  readonly providers: readonly { name: ProviderName; title: string }[];
  readonly #options: OauthOptions;
  readonly #configurations = new Map<ProviderName, Promise<Configuration>>();

  constructor(options: OauthOptions) {
    this.#options = options;
    this.providers = providerNames
      .filter((name) => options.secrets[name])
      .map((name) => ({ name, title: providers[name].title }));
  }

  async begin(
    wanted: string,
    { callbackUrl, returnTo }: { callbackUrl: string; returnTo?: string | undefined },
  ): Promise<OauthStart> {
    const { context, returnUrls } = this.#options;
    const configured = this.#find(wanted);
    const { name, provider } = configured;
    if (returnTo !== undefined && returnTo !== CONSOLE_PATH && !returnUrls.includes(returnTo))
      throw new AppError('invalid_request', 'return_to is not one of RETURN_URLS.', {
        faults: [{ pointer: '/return_to', detail: 'is not one of RETURN_URLS' }],
      });
    const client = await import('openid-client');
    const configuration = await this.#configurationOf(configured);
    const state = newSecretText();
    const key = context.keys.current;
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: callbackUrl,
      scope: provider.scope,
      state,
      code_challenge: await client.calculatePKCECodeChallenge(key.digest('verifier', state)),
      code_challenge_method: CHALLENGE,
      ...(provider.idToken !== 'none' && { nonce: key.digest('nonce', state) }),
    });
    const until = context.clock.now() + LIFE_MS;
    const cookie = sealState(key, { provider: name, state, callbackUrl, returnTo, until });
    return { url: url.href, cookie, maxAgeSeconds: LIFE_MS / 1000 };
  }

  async finish(
    search: URLSearchParams,
    cookie: string | undefined,
    { address }: RequestSource = {},
  ): Promise<OauthEnd> {
    const { vouchers, identities, context } = this.#options;
    const now = context.clock.now();
    const opened = cookie === undefined ? undefined : openState(context.keys, cookie);
    const fail = (reason: string, cause?: unknown): never => {
      context.audit.refused({ address, detail: { what: 'sign-in elsewhere', reason } });
      throw new AppError('unauthorized', 'Signing in did not work: begin again.', { cause });
    };
    if (!opened || opened.until <= now) return fail('no cookie of a sign-in that began here');
    const { state, returnTo, until } = opened;
    if (search.get('state') !== state) return fail('another state');
    if (!(await vouchers.useUp('state', state, until - now))) return fail('state used before');
    const configured = this.#find(opened.provider);
    const { name, provider } = configured;
    const configuration = await this.#configurationOf(configured);
    try {
      const profile = await readProfile(configuration, configured, opened, search);
      if (profile.subject === '') return fail('no subject in the profile');
      const { issuer, subject } = profile;
      const user = await identities.userOf(
        { provider: name, issuer, subject },
        { name: profile.name || `${provider.title} ${subject}` },
        { address },
      );
      return { user, provider: name, returnTo };
    } catch (error) {
      if (error instanceof AppError) throw error;
      return fail('refused by the provider or by us', error);
    }
  }

  returnOf(cookie: string | undefined): string | undefined {
    return cookie === undefined ? undefined : openState(this.#options.context.keys, cookie)?.returnTo;
  }

  /** A configured provider. Throws `not_found`. */
  #find(name: string): Configured {
    const known = providerNames.find((one) => one === name);
    const own = known && this.#options.secrets[known];
    if (!known || !own) throw new AppError('not_found', 'Signing in there is not configured on this server.');
    return { name: known, provider: { ...providers[known], ...this.#options.places?.[known] }, own };
  }

  /** Made once, and made again after a failure. */
  async #configurationOf({ name, provider, own }: Configured): Promise<Configuration> {
    const made = this.#configurations.get(name) ?? configure(provider, own, this.#options.fetch);
    this.#configurations.set(name, made);
    return made.catch((cause: unknown) => {
      this.#configurations.delete(name);
      throw new AppError('unavailable', `${provider.title} cannot be reached.`, { cause });
    });
  }
}

/** Exchanges the code of the callback for tokens, and reads the person of the tokens. */
async function readProfile(
  configuration: Configuration,
  { provider, own }: Configured,
  { state, callbackUrl, key }: OpenedState,
  search: URLSearchParams,
): Promise<ProviderProfile> {
  const client = await import('openid-client');
  const url = new URL(callbackUrl);
  url.search = search.toString();
  const nonce = key.digest('nonce', state);
  const tokens = await client.authorizationCodeGrant(configuration, url, {
    expectedState: state,
    pkceCodeVerifier: key.digest('verifier', state),
    ...(provider.idToken !== 'none' && { expectedNonce: nonce, idTokenExpected: true }),
  });
  if (provider.idToken === 'secret') await checkIdToken(tokens.id_token, own, provider.issuer, nonce);
  const read = async (): Promise<unknown> => {
    const headers = new Headers({ accept: 'application/json' });
    const place = new URL(provider.profile);
    const { access_token: token } = tokens;
    const answer = await client.fetchProtectedResource(configuration, token, place, 'GET', null, headers);
    return answer.json();
  };
  return provider.identify(tokens, read, provider);
}

/** The signature of an id_token under the client's secret, which the client library does not check [OIDC Core 3.1.3.7]. */
async function checkIdToken(
  idToken: string | undefined,
  { clientId, clientSecret }: ProviderSecrets,
  issuer: string,
  nonce: string,
): Promise<void> {
  const { default: jwt } = await import('jsonwebtoken');
  jwt.verify(idToken ?? '', clientSecret, { algorithms: ['HS256'], audience: clientId, issuer, nonce });
}
