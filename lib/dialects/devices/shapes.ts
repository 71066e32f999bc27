import type { CheckedDevice } from '../../devices/check-device.ts';
import type { Device, ListedDevice } from '../../devices/device.ts';
import { deviceFields } from '../../devices/device-schema.ts';
import type { DeviceState } from '../../devices/device-states.ts';
import { shownDefinition } from '../../devices/shown-definition.ts';
import { rulesAsData } from './command-shapes.ts';
import { formatTime } from '../liteagent/time.ts';

/** A document for the examples of bodies. */
export const exampleDocument = {
  openapi: '3.1.0',
  info: { title: 'Porch light', version: '1' },
  servers: [{ url: 'http://127.0.0.1:8080' }],
  paths: { '/power': { put: { operationId: 'switch_on', responses: { 204: { description: 'done' } } } } },
} as const;

/**
 * The body of a device. Its fields are checked by `checkDevice`, which names all faults at once: a field that the server does not
 * know is one, because a misspelt `rules` would protect nothing.
 */
export const deviceBody = {
  type: 'object',
  examples: [
    {
      name: 'porch',
      openSpec: exampleDocument,
    },
  ],
  description: 'a device: a document with its address, its keys and its rules',
  properties: Object.fromEntries(
    Object.entries(deviceFields).map(([name, description]) => [name, { description }]),
  ),
  additionalProperties: {},
} as const;

const texts = { type: 'array', items: { type: 'string' } } as const;
/**
 * The state of a device, from the calls that this node made: nothing is asked for it. Its fields are null before the first call, and
 * `lastError` also after a call without an error.
 */
const state = {
  type: 'object',
  required: ['reachable', 'lastCallAt', 'lastError'],
  properties: {
    reachable: { type: ['boolean', 'null'] },
    lastCallAt: { type: ['string', 'null'] },
    lastError: { type: ['string', 'null'] },
  },
} as const;
/** The fields of a device in the list and by itself. */
const shared = {
  name: { type: 'string' },
  title: { type: 'string' },
  /** The kind of its document, such as `openapi`. */
  kind: { type: 'string' },
  /** 1, 2, …; 0 for a file that could never be used. */
  version: { type: 'integer' },
  enabled: { type: 'boolean' },
  tags: texts,
  readOnly: { type: 'boolean', description: 'a file of DEVICES_DIR describes it' },
  fault: { type: 'string', description: 'why its file cannot be used' },
  state,
} as const;

/** An item of the list. */
export const listedShape = {
  type: 'object',
  required: ['name', 'title', 'kind', 'version', 'enabled', 'tags', 'tools', 'state'],
  properties: { ...shared, tools: { type: 'integer' } },
} as const;

/** A device with its description; its keys are masked. */
export const deviceShape = {
  type: 'object',
  required: ['name', 'title', 'kind', 'version', 'enabled', 'tags', 'state'],
  properties: {
    ...shared,
    /** Only after a change, as the warnings: its document was opened for that. */
    tools: { type: 'array', items: { type: 'object' } },
    warnings: texts,
    toolChanges: {
      type: 'object',
      description: 'the names of the tools that differ from the version before',
      properties: { added: texts, removed: texts, changed: texts },
    },
    rulesInWords: { ...texts, description: 'the rules of the server and of the device' },
    rulesAsData,
  },
} as const;

/** The tools of a document, as `lite-agent tools --json` prints them. */
export const toolsShape = {
  type: 'object',
  required: ['kind', 'operations', 'tools', 'skipped', 'warnings'],
  properties: {
    kind: { type: 'string' },
    /** How many operations the document has. `skipped` are those that became no tools. */
    operations: { type: 'integer' },
    tools: { type: 'array', items: { type: 'object' } },
    skipped: { type: 'array', items: { type: 'object' } },
    warnings: texts,
  },
} as const;

/** The answer of a check. */
export const reachShape = {
  type: 'object',
  required: ['reachable', 'ms', 'detail'],
  properties: {
    /** Null: there was no way to ask it. */
    reachable: { type: ['boolean', 'null'] },
    /** How long the question took. */
    ms: { type: 'integer' },
    detail: { type: 'string' },
  },
} as const;

/** A device as the list shows it. */
export function formatListed(device: ListedDevice, known: DeviceState) {
  return { ...formatShared(device, known), tools: device.facts.tools };
}

/** A device with its description, and after a change with its tools and warnings. */
export function formatDevice(device: Device, known: DeviceState, checked?: CheckedDevice) {
  return {
    ...(device.definition && shownDefinition(device.definition)),
    // The facts come after the definition: they have the values of fields that the definition leaves out.
    ...formatShared(device, known),
    // Everybody (`*`) where the definition names nobody.
    users: device.facts.users,
    ...(checked && { tools: checked.described.tools, warnings: checked.warnings }),
  };
}

function formatShared(
  { name, version, origin, fault, facts }: ListedDevice,
  { lastCallAt, ...known }: DeviceState,
) {
  const { title, kind, enabled, tags } = facts;
  return {
    name,
    title,
    kind,
    version,
    enabled,
    tags,
    ...(origin === 'file' && { readOnly: true }),
    ...(fault !== undefined && { fault }),
    state: { ...known, lastCallAt: lastCallAt === null ? null : formatTime(lastCallAt) },
  };
}
