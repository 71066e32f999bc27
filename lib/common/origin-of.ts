/** The origin of an address, which may lack its scheme: `http` then. Undefined for a text that is no http(s) address. */
export function originOf(address: string | undefined): string | undefined {
  if (address === undefined || /^\/(?!\/)/.test(address)) return undefined; // a path alone
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address.replace(/^\/\//, '')}`;
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? new URL(url).origin : undefined;
}
