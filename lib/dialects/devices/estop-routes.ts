import type { Principal } from '../../core/principal.ts';
import type { EstopScope, StoredEstop } from '../../core/store.ts';
import { AppError } from '../../errors.ts';
import { requirePermission } from '../../accounts/permissions.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { formatTime } from '../liteagent/time.ts';
import { engagedShape, estopShape, scopeShape } from './command-shapes.ts';

type EstopParts = Pick<Parts, 'estops' | 'devices' | 'sessions'>;
/** A scope on the wire. */
type WireScope = 'all' | { device?: string; session?: string };

/**
 * Emergency stops (contract 6, section 5). They are no replacement for a hardware emergency stop [ISO 13850].
 */
export function createEstopRoutes(parts: EstopParts): Route[] {
  return [listEstops(parts), engage(parts), release(parts)];
}

function listEstops({ estops }: EstopParts): Route {
  return route({
    method: 'GET',
    path: '/api/estop',
    polled: true,
    summary: 'The emergency stops that are engaged.',
    access: 'use a device',
    answer: { type: 'object', required: ['engaged', 'stops'], properties: estopShape },
    async handle() {
      const stops = (await estops.list()).map(formatEstop);
      return { engaged: stops.length > 0, stops };
    },
  });
}

/** Answers when no node lets a write of the scope leave any more, or when one has not confirmed in time: `nodesBehind` counts those. */
function engage(parts: EstopParts): Route {
  return route({
    method: 'POST',
    path: '/api/estop',
    summary:
      'Engages an emergency stop: no write of its scope leaves the server any more, on any node, when this is answered. It replaces no hardware emergency stop (ISO 13850).',
    access: 'use a device',
    stops: true,
    body: {
      type: 'object',
      required: ['scope'],
      examples: [{ scope: 'all', reason: 'Somebody is in the room' }],
      properties: { scope: scopeShape, reason: { type: 'string', maxLength: 1000 } },
    },
    answer: engagedShape,
    async handle({ body: { scope, reason }, caller }) {
      // A stop of a device or a session needs the right to use it. Its release is for people in command of all devices.
      const meant = await scopeFor(parts, scope, caller);
      const stop = await parts.estops.engage(meant, nameOf(caller), reason);
      return { engaged: true, ...formatEstop(stop), nodesBehind: stop.nodesBehind };
    },
  });
}

/** Waiting approvals of the time before stay refused. A scope is released as it was engaged: `all` releases no stop of one device. */
function release({ estops }: EstopParts): Route {
  return route({
    method: 'POST',
    path: '/api/estop/release',
    summary: 'Releases the emergency stops of a scope.',
    access: 'command devices',
    body: {
      type: 'object',
      required: ['scope', 'reason'],
      examples: [{ scope: 'all', reason: 'The room is empty' }],
      properties: { scope: scopeShape, reason: { type: 'string', minLength: 1, maxLength: 1000 } },
    },
    answer: {
      type: 'object',
      required: ['released', 'engaged', 'stops'],
      properties: { ...estopShape, released: { type: 'integer' } },
    },
    async handle({ body: { scope, reason }, caller }) {
      const released = await estops.release(storedScope(scope), nameOf(caller), reason);
      if (released === 0) throw new AppError('not_found', 'No emergency stop of this scope is engaged.');
      const stops = (await estops.list()).map(formatEstop);
      return { released, engaged: stops.length > 0, stops };
    },
  });
}

/** The scope in the form of the store. Throws when the caller may not use the device or the session. */
async function scopeFor(
  { devices, sessions }: EstopParts,
  scope: WireScope,
  caller: Principal,
): Promise<EstopScope> {
  requirePermission(caller, 'use a device');
  if (scope !== 'all' && scope.device !== undefined) await devices.find(scope.device, caller.id);
  if (scope !== 'all' && scope.session !== undefined) await sessions.find(scope.session, caller);
  return storedScope(scope);
}

/** The scope as the store has it: `all`, `device:<name>` or `session:<id>`. */
function storedScope(scope: WireScope): EstopScope {
  if (scope === 'all') return 'all';
  const { device, session } = scope;
  if (device !== undefined && session === undefined) return `device:${device}`;
  if (session !== undefined && device === undefined) return `session:${session}`;
  const detail = 'must be "all", {"device":"<name>"} or {"session":"<id>"}';
  throw new AppError('invalid_request', `/scope ${detail}.`, { faults: [{ pointer: '/scope', detail }] });
}

function formatEstop({ scope, by, at, reason }: StoredEstop) {
  return { scope: wireScope(scope), by, at: formatTime(at), reason: reason ?? null };
}

/** The scope on the wire, from the form of the store. */
function wireScope(scope: EstopScope): WireScope {
  if (scope === 'all') return scope;
  const value = scope.slice(scope.indexOf(':') + 1);
  return scope.startsWith('device:') ? { device: value } : { session: value };
}

/** The name in the log of stops: that of a user, else the id (`operator`). */
function nameOf({ account, id }: Principal): string {
  return account?.name ?? id;
}
