import type { KindDefinition } from '../kind.ts';
import { openapi } from './openapi.ts';
import { openapiNames } from './names.ts';

/** OpenAPI and Swagger documents: devices on HTTP. */
export const openapiKind: KindDefinition = {
  ...openapiNames,
  open: (drivers) => openapi(drivers.get('http')),
  async simulate(document, options) {
    const { simulateOpenapiDocument } = await import('./simulator/simulate-document.ts');
    return simulateOpenapiDocument(document, options);
  },
};
