const PORT_MAX = 65_535;

/**
 * The name and the port of a Host header [RFC 9110 7.2], an IPv6 address with its brackets; undefined for a text that is none.
 * Strict, because parsers that guess do not guess alike: to one of them `evil.example/.localhost` is this machine.
 */
export function parseHostHeader(text: string | undefined): { name: string; port: string } | undefined {
  const [, name, port = ''] = /^(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(text ?? '') ?? [];
  return name === undefined || Number(port) > PORT_MAX ? undefined : { name: name.toLowerCase(), port };
}
