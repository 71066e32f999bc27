// Fails when a package of the lock file has a licence that is not in the list, or does not say its licence.
import { readFileSync } from 'node:fs';

/** SPDX ids [SPDX 3] under which packages may be used beside MIT code. LGPL: only libvips, which sharp loads as a shared library. MPL: only axe-core, unchanged, for specs. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'LGPL-3.0-or-later',
  'MIT',
  'MPL-2.0',
  'PSF-2.0',
  'Python-2.0',
  'WTFPL',
  'Zlib',
]);
/** Licences that are for these packages only. */
const narrow = { LGPL: /^node_modules\/@img\/sharp-/, MPL: /^node_modules\/axe-core$/ };
/** Packages whose package.json has the old form of the field, or refers to the LICENSE file of their repository. It was read there. */
const known = {
  'node_modules/busboy': 'MIT',
  'node_modules/streamsearch': 'MIT',
  'node_modules/@modelcontextprotocol/server-everything': 'MIT OR Apache-2.0',
};

/** Whether a licence expression is allowed: each part of an AND, and one part of an OR. */
function isAllowed(expression, path) {
  const text = expression.replace(/^\((.*)\)$/, '$1');
  if (text.includes(' AND ')) return text.split(' AND ').every((part) => isAllowed(part, path));
  if (text.includes(' OR ')) return text.split(' OR ').some((part) => isAllowed(part, path));
  const only = Object.entries(narrow).find(([family]) => text.startsWith(family))?.[1];
  return allowed.has(text) && (only?.test(path) ?? true);
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const faults = Object.entries(packages).flatMap(([path, { license, link }]) => {
  if (path === '' || link) return [];
  const licence = known[path] ?? license;
  if (typeof licence !== 'string') return [`${path} does not say its licence`];
  return isAllowed(licence, path) ? [] : [`${path} has the licence ${licence}`];
});
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.stdout.write(`licences: ${Object.keys(packages).length - 1} packages, ${faults.length} faults\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
