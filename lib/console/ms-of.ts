/** Ms since the epoch of a time of the server: its offset has no colon, which not every browser reads. */
export function msOf(time: string): number {
  return Date.parse(time.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
}
