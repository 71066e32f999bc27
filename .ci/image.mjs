// Copies the packages that the bundle does not contain, optional ones too, into the folder given: the node_modules of an image.
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleOptions } from './bundle.mjs';

/** Packages whose files the server shows as they are, by the files. */
const served = { 'swagger-ui-dist': ['package.json', 'swagger-ui.css', 'swagger-ui-bundle.js'] };
/** Sources, declarations and notes: nothing loads them. Licences stay. */
const unused =
  /(?:\.d\.[cm]?ts|\.map|\.tsx?|\/(?:README|CHANGELOG)[^/]*)$|\/better-sqlite3\/(?:deps|src|build\/(?!Release(?:\/better_sqlite3\.node)?$).*)$|\/build\/(?:esm|esnext)$|\/(?:docs|test|tests|dist-types)$/i;

const target = process.argv[2];
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
const own = JSON.parse(readFileSync('package.json', 'utf8'));
const installed = Object.keys({ ...own.dependencies, ...own.optionalDependencies, ...own.peerDependencies });
const isExternal = (name) =>
  bundleOptions.external.some((one) =>
    one.endsWith('/*') ? name.startsWith(one.slice(0, -1)) : one === name,
  );

/** The place of a package as seen from another one: its own folder, or that of one above [Node: loading from node_modules]. */
function placeOf(name, from) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (place in lock) return place;
    if (folder === '') return undefined;
  }
}

const places = new Set();
const seen = new Set();
/** Takes a package that the bundle lacks, and what it needs. A package in the bundle is looked through: it may need such a one. */
function visit(name, from, isNeeded) {
  const place = placeOf(name, from);
  const isTaken = isNeeded || isExternal(name);
  if (place === undefined || !existsSync(place) || places.has(place) || (!isTaken && seen.has(place))) return;
  (isTaken ? places : seen).add(place);
  const { dependencies, optionalDependencies } = lock[place];
  for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) visit(next, place, isTaken);
}
for (const name of installed) visit(name, '', false);

for (const place of places) {
  const nested = join(place, 'node_modules');
  cpSync(place, join(target, place.slice('node_modules/'.length)), {
    recursive: true,
    filter: (path) => !path.startsWith(nested) && !unused.test(path),
  });
}
for (const [name, files] of Object.entries(served))
  for (const file of files) cpSync(join('node_modules', name, file), join(target, name, file));
process.stdout.write(`${places.size + Object.keys(served).length} packages\n`);
