import { AppError } from '../errors.ts';
import type { Audit, RequestSource } from './audit.ts';
import type { SignInLife, SignIns, Tokens } from './sign-ins.ts';
import type { Vouchers } from './vouchers.ts';

/** Codes that a browser carries back to an application. The application exchanges one for tokens, so that no token is in a URL. */
export interface SignInCodes {
  /** A code for a user whose identity was proven by `method`; valid once, for a minute. */
  issue(uuid: string, method: string): Promise<string>;
  /** Signs in. Rejects with `unauthorized` for a code that is not valid. */
  exchange(options: { code: string; client?: RequestSource } & SignInLife): Promise<Tokens>;
}

const KIND = 'sign-in';
const LIFE_MS = 60_000;

/** Sign-in codes as vouchers. */
export function createSignInCodes(vouchers: Vouchers, signIns: SignIns, audit: Audit): SignInCodes {
  return {
    issue: (uuid, method) => vouchers.issue(KIND, { uuid, method }, LIFE_MS),
    async exchange({ code, client = {}, ...life }) {
      const found = (await vouchers.redeem(KIND, code)) as { uuid: string; method: string } | undefined;
      if (found) return signIns.begin(found.uuid, { ...life, method: found.method, client });
      audit.refused({ address: client.address, detail: { what: 'sign-in code' } });
      throw new AppError('unauthorized', 'The code is unknown, used or older than a minute.');
    },
  };
}
