/** Writes the odd things about a document to the standard error: they are no result of the command. */
export function printWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`lite-agent: warning: ${warning}\n`);
}
