/** The topic of a name, and whether the name sets or gets it. */
export interface Topic {
  verb: 'get' | 'set' | undefined;
  /** The other words in lower case, the same for `setColor` and `get_color`. */
  words: string;
}

/** The words by which authors name an operation that reads. */
const getting = new Set(['get', 'read', 'query', 'fetch', 'show', 'is', 'has']);
/** The words by which authors name an operation that writes. */
const setting = new Set([
  'set',
  'write',
  'update',
  'put',
  'change',
  'configure',
  'patch',
  'replace',
  'modify',
]);

/** Reads a name such as `setColor`, `robot.set_color` or `get-color`; of a name that says no verb, all is its topic. */
export function topicOf(name: string): Topic {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  const at = words.findIndex((word) => getting.has(word) || setting.has(word));
  if (at < 0) return { verb: undefined, words: words.join(' ') };
  const verb = setting.has(words[at] ?? '') ? 'set' : 'get';
  return { verb, words: words.filter((_, index) => index !== at).join(' ') };
}
