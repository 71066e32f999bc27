import { createSecretKey } from 'node:crypto';
import type { Clock } from '../common/clock.ts';
import { splitWords } from './user-rows.ts';
import type { SigningKeys } from './signing-keys.ts';

/** The claims of an access token. */
export interface Claims {
  /** The user's uuid. */
  uuid: string;
  /** The user's name when the token was made. */
  name: string;
  /** The user's scopes when the token was made. Access is decided by the scopes in the database, not by these. */
  scopes?: readonly string[];
  /** The sign-in that the token belongs to. */
  signIn: string;
  /** Ms since the epoch. */
  expiresAt: number;
}

/** Signs and checks access tokens [RFC 9068]. */
export interface AccessTokens {
  /** A token signed at this time, in ms since the epoch. */
  sign(claims: Claims, time: number): Promise<string>;
  /** The claims of a token that this server has signed and that is valid now; undefined for any other text. */
  verify(token: string): Promise<Claims | undefined>;
}

const ALGORITHM = 'HS256';
const TYPE = 'at+jwt';
/** Issuer and audience of all tokens. */
const NAME = 'lite-agent';
/** A longer text is not parsed at all. */
const MAX_LENGTH = 4096;

/** Tokens under these keys. The header's `kid` names the key; algorithm, type, issuer, audience and expiry are always checked. */
export function createAccessTokens(keys: SigningKeys, clock: Clock): AccessTokens {
  const byKid = new Map(keys.all.map(({ kid, secret }) => [kid, createSecretKey(secret, 'utf8')]));
  let loaded: typeof import('jsonwebtoken') | undefined;
  const load = async () => (loaded ??= (await import('jsonwebtoken')).default);
  return {
    async sign({ uuid, name, scopes = [], signIn, expiresAt }, time) {
      const jwt = loaded ?? (await load());
      const payload = {
        uuid,
        name,
        ...(scopes.length > 0 && { scope: scopes.join(' ') }), // [RFC 9068 2.2.3]
        sid: signIn,
        iat: Math.floor(time / 1000),
        exp: Math.floor(expiresAt / 1000),
      };
      return jwt.sign(payload, keys.current.secret, {
        algorithm: ALGORITHM,
        header: { alg: ALGORITHM, typ: TYPE, kid: keys.current.kid },
        subject: uuid,
        audience: NAME,
        issuer: NAME,
      });
    },

    async verify(token) {
      if (token.length > MAX_LENGTH) return undefined;
      const head = headOf(token);
      const key = typeof head.kid === 'string' && head.typ === TYPE ? byKid.get(head.kid) : undefined;
      if (!key) return undefined;
      const jwt = loaded ?? (await load());
      try {
        const payload = jwt.verify(token, key, {
          algorithms: [ALGORITHM],
          audience: NAME,
          issuer: NAME,
          clockTimestamp: Math.floor(clock.now() / 1000),
        });
        if (typeof payload === 'string') return undefined;
        const { sub, name, scope, sid, exp } = payload as Record<string, unknown>;
        if (typeof sub !== 'string' || typeof sid !== 'string' || typeof exp !== 'number') return undefined;
        return {
          uuid: sub,
          name: typeof name === 'string' ? name : '',
          ...(typeof scope === 'string' && { scopes: splitWords(scope) }),
          signIn: sid,
          expiresAt: exp * 1000,
        };
      } catch (error) {
        // Every fault of a token is one of these; any other error is a fault of this server.
        if (error instanceof jwt.JsonWebTokenError) return undefined;
        throw error;
      }
    },
  };
}

/** The header of a token, unchecked; empty for a text that is no token. */
function headOf(token: string): Record<string, unknown> {
  const parts = token.split('.');
  if (parts.length !== 3) return {};
  try {
    const head: unknown = JSON.parse(Buffer.from(parts[0]!, 'base64url').toString('utf8'));
    return typeof head === 'object' && head !== null ? (head as Record<string, unknown>) : {};
  } catch {
    return {}; // not JSON: not a token
  }
}
