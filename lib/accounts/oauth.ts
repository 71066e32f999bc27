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
  type ProviderSecrets,
} from './providers.ts';
import { newSecretText } from './secret-text.ts';
import { openState, sealState } from './oauth-state.ts';
import type { User } from './users.ts';
import type { Vouchers } from './vouchers.ts';

/** Where to send a browser, and what it must bring back. */
export interface OauthStart {
  url: string;
  /** The value of an HttpOnly, SameSite=Lax cookie: only the browser that began can finish. */
  cookie: string;
  maxAgeSeconds: number;
}

export interface OauthEnd {
  user: User;
  provider: ProviderName;
  /** Where the user wants to go then; missing: nowhere in particular. */
  returnTo: string | undefined;
}

/**
 * Signing in with an account elsewhere [RFC 6749, RFC 9700]: PKCE with S256, a state that is good once and for the browser
 * that began, a nonce where there is an id_token. Nothing is stored until a browser comes back.
 *
 * Contract: rejects with an AppError: `not_found` for a provider that is not configured, `invalid_request` for a place to
 * return to that is not on the list, `unauthorized` for whatever did not work out, `unavailable` when the provider is down.
 */
export interface Oauth {
  /** Those that are configured, in the order of their buttons. */
  readonly providers: readonly { name: ProviderName; title: string }[];
  /** `callbackUrl` is where the provider sends the browser, as it is registered there. */
  begin(
    provider: string,
    options: { callbackUrl: string; returnTo?: string | undefined },
  ): Promise<OauthStart>;
  /** The callback's query, and the cookie. */
  finish(search: URLSearchParams, cookie: string | undefined, client?: RequestSource): Promise<OauthEnd>;
}

export interface OauthOptions {
  context: AccountsContext;
  vouchers: Vouchers;
  identities: Identities;
  secrets: Partial<Record<ProviderName, ProviderSecrets>>;
  /** Where browsers may be sent afterwards: exactly these. */
  returnUrls: readonly string[];
  fetch: typeof fetch;
  /** Other places of providers, for specs. */
  places?: Partial<Record<ProviderName, ProviderPlace>>;
}

const LIFE_MS = 10 * 60_000;
const CHALLENGE = 'S256';

/** Signing in at the configured providers. */
export function createOauth(options: OauthOptions): Oauth {
  const { context, vouchers, identities, secrets, returnUrls } = options;
  const { clock, keys, audit } = context;
  const configurations = new Map<ProviderName, Promise<Configuration>>();

  function providerOf(name: string): { name: ProviderName; provider: Provider; own: ProviderSecrets } {
    const known = providerNames.find((one) => one === name);
    const own = known && secrets[known];
    if (!known || !own) throw new AppError('not_found', 'Signing in there is not configured on this server.');
    return { name: known, provider: { ...providers[known], ...options.places?.[known] }, own };
  }

  /** Made once, and made again when it did not work. */
  async function configurationOf(
    name: ProviderName,
    provider: Provider,
    own: ProviderSecrets,
  ): Promise<Configuration> {
    const made = configurations.get(name) ?? configure(provider, own, options.fetch);
    configurations.set(name, made);
    return made.catch((cause: unknown) => {
      configurations.delete(name);
      throw new AppError('unavailable', `${provider.title} cannot be reached.`, { cause });
    });
  }

  return {
    providers: providerNames
      .filter((name) => secrets[name])
      .map((name) => ({ name, title: providers[name].title })),

    async begin(wanted, { callbackUrl, returnTo }) {
      const { name, provider, own } = providerOf(wanted);
      if (returnTo !== undefined && !returnUrls.includes(returnTo))
        throw new AppError('invalid_request', 'return_to is not one of RETURN_URLS.', {
          faults: [{ pointer: '/return_to', detail: 'is not one of RETURN_URLS' }],
        });
      const client = await import('openid-client');
      const configuration = await configurationOf(name, provider, own);
      const state = newSecretText();
      const key = keys.current;
      const challenge = await client.calculatePKCECodeChallenge(key.digest('verifier', state));
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: callbackUrl,
        scope: provider.scope,
        state,
        code_challenge: challenge,
        code_challenge_method: CHALLENGE,
        ...(provider.idToken !== 'none' && { nonce: key.digest('nonce', state) }),
      });
      const cookie = sealState(key, {
        provider: name,
        state,
        callbackUrl,
        returnTo,
        until: clock.now() + LIFE_MS,
      });
      return { url: url.href, cookie, maxAgeSeconds: LIFE_MS / 1000 };
    },

    async finish(search, cookie, { address } = {}) {
      const opened = cookie === undefined ? undefined : openState(keys, cookie);
      const fail = (reason: string, cause?: unknown): never => {
        audit.refused({ address, detail: { what: 'sign-in elsewhere', reason } });
        throw new AppError('unauthorized', 'Signing in did not work: begin again.', { cause });
      };
      if (!opened || opened.until <= clock.now()) return fail('no cookie of a sign-in that began here');
      const { provider: begun, state, callbackUrl, returnTo, until, key } = opened;
      if (search.get('state') !== state) return fail('another state');
      if (!(await vouchers.useUp('state', state, until - clock.now()))) return fail('state used before');
      const { name, provider, own } = providerOf(begun);
      const configuration = await configurationOf(name, provider, own);
      const client = await import('openid-client');
      const url = new URL(callbackUrl);
      url.search = search.toString();
      const nonce = key.digest('nonce', state);
      try {
        const tokens = await client.authorizationCodeGrant(configuration, url, {
          expectedState: state,
          pkceCodeVerifier: key.digest('verifier', state),
          ...(provider.idToken !== 'none' && { expectedNonce: nonce, idTokenExpected: true }),
        });
        if (provider.idToken === 'secret') await checkIdToken(tokens.id_token, own, provider.issuer, nonce);
        const read = async (): Promise<unknown> => {
          const place = new URL(provider.profile);
          const headers = new Headers({ accept: 'application/json' });
          const answer = await client.fetchProtectedResource(
            configuration,
            tokens.access_token,
            place,
            'GET',
            null,
            headers,
          );
          return answer.json();
        };
        const { subject, name: called, issuer } = await provider.identify(tokens, read, provider);
        if (subject === '') return fail('no subject in the profile');
        const user = await identities.userOf(
          { provider: name, issuer, subject },
          { name: called || `${provider.title} ${subject}` },
          { address },
        );
        return { user, provider: name, returnTo };
      } catch (error) {
        return error instanceof AppError
          ? Promise.reject(error)
          : fail('refused by the provider or by us', error);
      }
    },
  };
}

/** The signature of an id_token under the client's secret, which the client library leaves to others [OIDC Core 3.1.3.7]. */
async function checkIdToken(
  idToken: string | undefined,
  { clientId, clientSecret }: ProviderSecrets,
  issuer: string,
  nonce: string,
): Promise<void> {
  const { default: jwt } = await import('jsonwebtoken');
  jwt.verify(idToken ?? '', clientSecret, { algorithms: ['HS256'], audience: clientId, issuer, nonce });
}
