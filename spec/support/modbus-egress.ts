import { openEgress, type Egress } from '../../lib/drivers/egress.ts';

/** A door that lets everything on this machine through. */
export function openLocalEgress(): Egress {
  return openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: ['*'] });
}
