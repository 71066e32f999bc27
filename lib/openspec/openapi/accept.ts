import type { JsonObject } from '../../common/json.ts';
import type { SpecDocument } from '../spec-document.ts';
import { objectAt, textsAt } from '../read.ts';

/** The Accept header: the media types of the successful answers, JSON first; then any type, since documents are often wrong. */
export function acceptOf(document: SpecDocument, operation: JsonObject, home: JsonObject): string {
  const types = new Set<string>();
  for (const [status, value] of Object.entries(objectAt(operation, 'responses') ?? {})) {
    if (!/^(?:2|default)/i.test(status)) continue;
    const response = document.object(value, home)?.node;
    for (const type of Object.keys(objectAt(response, 'content') ?? {})) types.add(type);
  }
  if (document.isSwagger2) {
    const produced = textsAt(operation, 'produces');
    for (const type of produced.length > 0 ? produced : textsAt(document.root, 'produces')) types.add(type);
  }
  // Types with parameters or a wildcard are left out: the last entry takes them in.
  const named = [...types].filter((type) => /^[\w.+-]+\/[\w.+-]+$/.test(type));
  const json = named.filter((type) => /[/+]json$/.test(type));
  const first = (json.length > 0 ? json : named.length > 0 ? named : ['application/json']).slice(0, 4);
  return `${first.join(', ')}, */*;q=0.5`;
}
