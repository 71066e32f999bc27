/** The key by which a document says whether an operation may change its device. */
export const EFFECT_KEY = 'x-lite-agent-effect';
/** The key by which a document says how dangerous an operation is. */
export const RISK_KEY = 'x-lite-agent-risk';
/** The keys of this server in documents. */
export const ownKeys: readonly string[] = [EFFECT_KEY, RISK_KEY];

/** How the keys of this server begin, also misspelt ones. */
const OWN_KEY = /^x-?lite-?agent/i;

/** Whether a key is a misspelt one of this server. To ignore it would leave a dangerous operation without protection. */
export function isMisspeltOwnKey(key: string): boolean {
  return OWN_KEY.test(key) && !ownKeys.includes(key);
}
