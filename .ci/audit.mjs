// Fails on known vulnerabilities of the severities high and critical. Says so and passes where the registry cannot be asked.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Vulnerabilities that do not reach this program: [{ "id": "GHSA-…", "reason": "…", "until": "2027-01-31" }]. */
const accepted = JSON.parse(readFileSync('.ci/audit-accepted.json', 'utf8'));
const today = new Date().toISOString().slice(0, 10);

const run = spawnSync('npm', ['audit', '--json'], {
  encoding: 'utf8',
  timeout: 60_000,
  shell: process.platform === 'win32',
});
const report = parse(run.stdout);
if (report?.vulnerabilities === undefined) {
  process.stdout.write(
    `audit: SKIPPED, the registry cannot be asked (${report?.message ?? run.error?.message ?? 'no answer'})\n`,
  );
} else {
  const found = Object.values(report.vulnerabilities).flatMap(({ via }) =>
    via.filter((one) => typeof one === 'object'),
  );
  const severe = found.filter(({ severity }) => severity === 'high' || severity === 'critical');
  const faults = severe.flatMap(({ url, name, title }) => {
    const entry = accepted.find(({ id }) => url.endsWith(id));
    if (entry === undefined) return [`${name}: ${title} (${url})`];
    return entry.until >= today ? [] : [`${name}: ${title} was accepted until ${entry.until} (${url})`];
  });
  for (const fault of new Set(faults)) process.stderr.write(`${fault}\n`);
  process.stdout.write(`audit: ${found.length} known vulnerabilities, ${new Set(faults).size} to mend\n`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no registry, no JSON
  }
}
