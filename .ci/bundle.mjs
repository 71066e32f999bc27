// How the sources are bundled: for the published package, and for the specs that start processes.

/** The options of esbuild for a program of this package. Entry points and the place of the output are the caller's. */
export const bundleOptions = {
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  legalComments: 'none',
  // Less to read at each start, and no comment whose one Chinese word makes V8 keep a chunk in two bytes a character. Names stay, and
  // short lines: a stack trace leads to its place.
  minifyWhitespace: true,
  lineLimit: 160,
  logLevel: 'warning',
  // Packages that stay outside the bundle: native ones, and ones that are loaded only when they are needed.
  external: [
    'better-sqlite3',
    'serialport',
    'modbus-serial',
    'pg-native',
    '@node-rs/argon2',
    'pino',
    'pino-pretty',
    'yaml',
    'sharp',
    'unpdf',
    '@opentelemetry/*',
    '@aws-sdk/*',
    '@apidevtools/swagger-parser',
    're2js',
    '@eslint-community/regexpp',
  ],
  // The CommonJS entry of jsonc-parser loads its parts in a way that a bundler cannot follow.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  // CommonJS packages in the bundle call `require`, which an ES module does not have.
  banner: {
    js: `import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);`,
  },
};
