import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { anonymous, TokenKindError, type Access, type Where } from './access.ts';
import type { AccessTokens } from './access-tokens.ts';
import { isApiKey, type ApiKeys } from './api-keys.ts';
import type { Audit } from './audit.ts';
import type { Endings } from './endings.ts';
import { createOperator, operator } from './operator.ts';
import { isRefreshToken } from './refresh-tokens.ts';
import type { Principals } from './principals.ts';
import { hashOf } from './secret-text.ts';
import type { Holding, Tickets } from './tickets.ts';

/** What access is made of. */
export interface AccessParts {
  /** The fixed bearer token of the operator. */
  authToken: string | undefined;
  accessTokens: AccessTokens;
  principals: Principals;
  apiKeys: ApiKeys;
  tickets: Tickets;
  audit: Audit;
  endings: Endings;
}

/**
 * Access for users with access tokens and keys, and for the operator with AUTH_TOKEN. A token's signature is checked first,
 * so that a forged token costs no query; then its sign-in and user are read, with all others of the tick.
 */
export function createAccess(parts: AccessParts): Access {
  const { accessTokens, principals, apiKeys, tickets, audit, endings } = parts;
  const isOperator = createOperator(parts.authToken);

  /** The principal of a key. Rejects with `forbidden` where the key is for other dialects. */
  async function ofKey(
    found: Promise<{ principal: Principal; dialects: string[] } | undefined>,
    { dialect, address }: Where,
  ): Promise<Principal | undefined> {
    const key = await found;
    if (!key) return undefined;
    const { principal, dialects } = key;
    if (dialect !== undefined && dialects.length > 0 && !dialects.includes(dialect)) {
      audit.refused({ user: principal.id, address, detail: { what: 'key', dialect } });
      throw new AppError('forbidden', `The key is for ${dialects.join(', ')} only.`);
    }
    apiKeys.used(principal.account!.credential.id, principal.id, { address });
    return principal;
  }

  /** The principal of an access token; undefined for a text that is none, or whose sign-in has ended. */
  async function ofToken(token: string): Promise<Principal | undefined> {
    const claims = await accessTokens.verify(token);
    return claims && until(await principals.ofSignIn(claims.signIn), claims.expiresAt, claims.uuid);
  }

  /** The caller behind a redeemed ticket, with the rights of this moment. */
  async function ofHolding(holding: Holding, where: Where): Promise<Principal | undefined> {
    if (!('id' in holding)) return holding.kind === 'operator' ? operator : anonymous;
    if (holding.kind === 'key') return ofKey(principals.ofKeyId(holding.id), where);
    return until(await principals.ofSignIn(holding.id), holding.expiresAt);
  }

  /** Notes the refusal, and throws. It does not say whether the credential ever existed. */
  function refuse(what: string, { dialect, address }: Where): never {
    audit.refused({ address, detail: { what, dialect } });
    throw new AppError('unauthorized', `The ${what} is unknown or no longer valid.`);
  }

  return {
    async identify(token, where = {}) {
      // The fixed token comes first. The form of any other text says which kind of credential it is.
      if (isOperator(token)) return operator;
      if (isRefreshToken(token)) {
        audit.refused({ address: where.address, detail: { what: 'token', dialect: where.dialect } });
        throw new TokenKindError('This is a refresh token: refresh it, and send the access token.');
      }
      const found = isApiKey(token) ? ofKey(principals.ofKey(hashOf(token)), where) : ofToken(token);
      return (await found) ?? refuse('token', where);
    },
    issueTicket: (principal) => tickets.issue(principal),
    async redeemTicket(ticket, where = {}) {
      return (await ofHolding(await tickets.redeem(ticket), where)) ?? refuse('ticket', where);
    },
    onEnd({ id, account }, end) {
      // A caller without an account has nothing that could end.
      if (!account) return () => {};
      return endings.watch({ uuid: id, account }, end);
    },
    refused({ id }, where, path) {
      audit.refused({ user: id, address: where.address, detail: { what: path, dialect: where.dialect } });
    },
  };
}

/** The principal, with the earlier of both expiries; undefined when the token belongs to another user. */
function until(
  principal: Principal | undefined,
  expiresAt: number | null,
  uuid = principal?.id,
): Principal | undefined {
  if (!principal?.account || principal.id !== uuid) return undefined;
  const { account } = principal;
  const ends = Math.min(account.expiresAt ?? Infinity, expiresAt ?? Infinity);
  return { ...principal, account: { ...account, expiresAt: ends === Infinity ? null : ends } };
}
