/** A test of texts by a pattern in which `*` stands for any text, also for none. It takes a time that grows with the text only. */
export function toolPattern(pattern: string): (text: string) => boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (text) => text === pattern;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
      return false;
    let at = first.length;
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    // The last part has its own place at the end: the parts before it must not reach into it.
    return at <= text.length - last.length;
  };
}

/** Whether a tool is named by one of the patterns, by its name or its operation. No patterns name every tool. */
export function toolMatcher(
  patterns: readonly string[] | undefined,
): (tool: string, operation: string) => boolean {
  if (patterns === undefined) return () => true;
  const tests = patterns.map(toolPattern);
  return (tool, operation) => tests.some((test) => test(tool) || test(operation));
}
