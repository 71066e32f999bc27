import type { KindNames } from '../kind.ts';

/** How OpenAPI documents are called and recognized. */
export const openapiNames: KindNames = {
  name: 'openapi',
  protocols: ['openapi'],
  rootKeys: ['openapi', 'swagger'],
  detect: (document) => document['openapi'] !== undefined || document['swagger'] !== undefined,
};
