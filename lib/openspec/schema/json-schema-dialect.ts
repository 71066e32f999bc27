import { innerKeyOf } from '../names.ts';
import type { SchemaDialect } from './dialect.ts';
import { shorten } from '../shorten.ts';

/** How the schemas of OpenRPC documents and of MCP tools are written: JSON Schema to the letter, long shared schemas once. */
export const jsonSchemaDialect: SchemaDialect = {
  memberKeys: () => innerKeyOf,
  flattensSingleChoice: true,
  closesTuples: false,
  titlesDescribe: true,
  marksFilesBy: 'format',
  textKeywords: ['format', 'contentEncoding', 'contentMediaType'],
  shareOverBytes: 1024,
  writesCyclesOutOnce: false,
  unknownType: (word, meant) =>
    `The type "${shorten(word, 40)}" is not a type of JSON Schema: it is read as ${meant ?? 'any value'}.`,
};
