/** A text of at most `max` characters. A longer text is cut between words where that is possible, and ends with "…". */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max - 1);
  const space = cut.search(/\s+\S*$/);
  // Half of a surrogate pair is not a character.
  return `${(space > max * 0.6 ? cut.slice(0, space) : cut).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
