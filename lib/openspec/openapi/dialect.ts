import { argumentKeyOf, uniqueNames } from '../names.ts';
import type { SchemaDialect } from '../schema/dialect.ts';

/** How the schemas of OpenAPI and Swagger documents are written: refs written out, since most are used once a tool. */
export const openapiDialect: SchemaDialect = {
  memberKeys() {
    const unique = uniqueNames();
    return (name) => unique(argumentKeyOf(name));
  },
  flattensSingleChoice: false,
  closesTuples: true,
  titlesDescribe: false,
  marksFilesBy: 'description',
  textKeywords: ['format'],
  shareOverBytes: Number.POSITIVE_INFINITY,
  writesCyclesOutOnce: true,
  unknownType: () => undefined,
};
