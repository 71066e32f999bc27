// The client of this server, as the conformance suite starts it: it lists the tools of a server, and calls each one once.
import { openEgress } from '../../lib/drivers/egress.ts';
import { openDocuments } from '../../lib/openspecs.ts';

const server = process.argv.at(-1)!;
const egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
const documents = openDocuments({ egress, resultMaxBytes: 10_000, documentMaxBytes: 1e6 });
const failures: unknown[] = [];
try {
  const { spec, connection, release } = await documents.openspecs.load({ protocol: 'mcp', server });
  for (const tool of spec.tools) {
    const args = tool.name.includes('add') ? { a: 5, b: 3 } : {};
    const { signal } = new AbortController();
    const result = await tool.call(args, { connection, signal, timeoutMs: 10_000 });
    if (result['error'] !== undefined) failures.push(result);
  }
  release();
} catch (error) {
  failures.push(String(error));
}
await documents.close();
await egress.close();
if (failures.length > 0) process.stderr.write(`${JSON.stringify(failures)}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;
