import type { Config } from './config.ts';

/** A setting that opens the server more than it should. */
export interface UnsafeSetting {
  /** The name of the setting, as in the environment. */
  setting: string;
  /** The sentence after that name: "lets every caller …". */
  detail: string;
  /** True: `serve` does not start with it. */
  refused: boolean;
}

/** The entries of a list that take in every address or device. */
const EVERYWHERE = new Set(['*', '0.0.0.0/0', '::/0']);

/** The unsafe settings of a server that other machines can reach; none on loopback. (config.ts refuses `AUTH=none` off loopback.) */
export function unsafeSettings(config: Config): UnsafeSetting[] {
  if (!config.reachable) return [];
  const { trustedProxies, egressAllow, serialAllow, publicUrl } = config;
  const refuse = (setting: string, detail: string) => ({ setting, detail, refused: true });
  const warn = (setting: string, detail: string) => ({ setting, detail, refused: false });
  const isAll = (list: readonly string[]): boolean => list.some((entry) => EVERYWHERE.has(entry));
  return [
    ...(config.auth === 'none'
      ? [
          warn(
            'AUTH',
            `is none, and ${publicUrl ?? 'your proxy'} brings callers of other machines: each of them may move devices. Set AUTH=required`,
          ),
        ]
      : []),
    ...(isAll(trustedProxies)
      ? [
          refuse(
            'TRUSTED_PROXIES',
            'lets every caller choose its own address: name the addresses of your proxies',
          ),
        ]
      : []),
    // On loopback the default takes in the whole network, which is right only while nobody else can call.
    ...(isAll(egressAllow) || (config.loopback && egressAllow.length === 0)
      ? [
          warn(
            'EGRESS_ALLOW',
            'lets documents of users reach every machine of your network: name the devices',
          ),
        ]
      : []),
    ...(isAll(serialAllow) ? [warn('SERIAL_ALLOW', 'opens every serial device: name them')] : []),
    ...(publicUrl === undefined || publicUrl.startsWith('http:')
      ? [warn('PUBLIC_URL', 'is no https URL: without TLS in front, tokens can be read on the network')]
      : []),
    ...(config.metrics === 'open'
      ? [warn('METRICS', 'is open: everybody who reaches the server can read the names of its devices')]
      : []),
    ...(config.registration === 'open'
      ? [
          warn(
            'REGISTRATION',
            'is open: whoever reaches the server can make an account and talk to your model',
          ),
        ]
      : []),
  ];
}

/** The open doors of a server that other machines can reach, on one screen. */
export function exposureOf(config: Config, url: string): string {
  const { auth, authToken, egressAllow, egressDeny, serialAllow, publicUrl, trustedProxies, allowedOrigins } =
    config;
  const list = (entries: readonly string[], none: string): string => entries.join(', ') || none;
  const rows: [string, string][] = [
    [
      'address',
      config.loopback ? `${url}, behind ${publicUrl ?? 'a proxy'}` : `${url}, for other machines too`,
    ],
    [
      'access',
      auth === 'none'
        ? 'everybody'
        : `users with a token or key${authToken === undefined ? '' : ', and AUTH_TOKEN'}`,
    ],
    ['registration', config.registration],
    ['documents', 'approved users may bring them, visitors may not'],
    ['web pages', list(allowedOrigins, 'of the same host only')],
    [
      'egress',
      `public addresses, and ${list(egressAllow, config.loopback ? 'those of your network' : 'no others')}${egressDeny.length > 0 ? `; never ${egressDeny.join(', ')}` : ''}`,
    ],
    ['serial', list(serialAllow, 'no device')],
    [
      'TLS',
      publicUrl?.startsWith('https:')
        ? `in front, as ${publicUrl}`
        : 'none that the server knows of (PUBLIC_URL)',
    ],
    ['proxies', list(trustedProxies, 'none is trusted')],
  ];
  const warnings = unsafeSettings(config).map(({ setting, detail }) => `  ! ${setting} ${detail}\n`);
  return `What is open:\n${rows.map(([name, text]) => `  ${name.padEnd(13)} ${text}\n`).join('')}${warnings.join('')}`;
}
