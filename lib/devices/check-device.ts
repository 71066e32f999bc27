import { checkArguments } from '../core/argument-check.ts';
import { codedFault } from '../common/coded-fault.ts';
import { isObject } from '../common/json.ts';
import { childPointer } from '../common/json-pointer.ts';
import type { Tool } from '../core/tool.ts';
import { AppError, isForLater, messageOf, SpecError, type Fault } from '../errors.ts';
import { credentialWarnings } from '../openspec/credential-warnings.ts';
import { longTextFaults } from '../openspec/document-text.ts';
import { describeSpec, type DescribedSpec } from '../openspec/describe-spec.ts';
import { programFaults } from '../openspec/program-faults.ts';
import type { LoadedSpec, Openspecs } from '../openspec/openspecs.ts';
import { secretsInUrl } from '../secrets.ts';
import { deviceSchema, type DeviceDefinition } from './device-schema.ts';
import { parseRules, type RuleCircumstances } from './parse-rules.ts';
import type { NewDevice } from './registry.ts';
import type { Rules } from './rule-schema.ts';
import { schemaFaults } from './schema-faults.ts';
import { toolMatcher } from './tool-pattern.ts';

/** A device that may be stored, and its compiled document. */
export interface CheckedDevice extends NewDevice {
  described: DescribedSpec;
  /** The odd things about the document and the rules, in plain words. */
  warnings: string[];
}

/** The circumstances under which a device is described. */
export interface DeviceCircumstances extends RuleCircumstances {
  /** Whether the operator describes it, in a file or at the command line of the server's machine: it may start a program. */
  byOperator?: boolean;
  /** The user whose turn a large document takes; the server's own when missing. */
  party?: string | undefined;
}

/**
 * Checks a device before it is stored: its fields, its rules, its document and its safe state. Throws `invalid_request` with
 * every fault by JSON pointer.
 */
export async function checkDevice(
  value: unknown,
  openspecs: Openspecs,
  circumstances: DeviceCircumstances = {},
): Promise<CheckedDevice> {
  const { byOperator = false, party } = circumstances;
  const faults = [...schemaFaults(deviceSchema, value)];
  const definition = value as DeviceDefinition;
  const rules = rulesOf(definition, circumstances, faults);
  // With a fault elsewhere the document or its address may be missing. Rules and the safe state do not keep the document from being
  // opened.
  if (faults.every(({ pointer }) => pointer.startsWith('/rules') || pointer.startsWith('/safeState'))) {
    faults.push(...urlFaults(definition), ...(byOperator ? [] : programFaults(definition)));
    const opened = await openDocument(openspecs, definition, { faults, byOperator, party });
    if (opened) {
      const { pinned, document } = opened;
      try {
        faults.push(...(await safeStateFaults(definition, document.spec.tools)));
        if (faults.length === 0) return await checked(pinned, document, rules);
      } finally {
        document.release();
      }
    }
  }
  const texts = faults.map(({ pointer, detail }) => `${pointer || '/'} ${detail}`);
  throw new AppError('invalid_request', `The device cannot be used: ${texts.join('; ')}.`, { faults });
}

/** The device as it is stored. A definition without a title has that of the document, and one without users is for everybody. */
async function checked(
  definition: DeviceDefinition,
  { spec }: LoadedSpec,
  rules: Rules | undefined,
): Promise<CheckedDevice> {
  const described = await describeSpec(spec);
  return {
    definition,
    facts: {
      title: definition.title ?? spec.title,
      kind: spec.kind,
      tools: spec.tools.length,
      tags: definition.tags ?? [],
      users: definition.users ?? ['*'],
      enabled: definition.enabled ?? true,
    },
    described,
    warnings: [
      ...described.warnings,
      ...credentialWarnings(definition, spec.credentialNames),
      ...(rules ? ruleWarnings(rules, spec.tools) : []),
    ],
  };
}

/** The rules of a definition; undefined when there are none, and when they have faults, which are noted. */
function rulesOf(
  definition: Partial<DeviceDefinition> | null,
  circumstances: RuleCircumstances,
  faults: Fault[],
): Rules | undefined {
  try {
    return parseRules(definition?.rules, '/rules', circumstances);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    faults.push(...error.faults);
    return undefined;
  }
}

/** A password in an address would be shown with the device. */
function urlFaults({ server, openSpec, source }: DeviceDefinition): Fault[] {
  return Object.entries({ server, openSpec, source }).flatMap(([key, url]) =>
    typeof url === 'string' && secretsInUrl(url).length > 0
      ? [{ pointer: `/${key}`, detail: 'has a password or a key in it: give it as apiKey or credentials' }]
      : [],
  );
}

/** Opens the document as it is now: what is checked is what is stored, and a URL is not asked again by itself. */
async function openDocument(
  openspecs: Openspecs,
  definition: DeviceDefinition,
  { faults, byOperator, party }: { faults: Fault[]; byOperator: boolean; party: string | undefined },
): Promise<{ pinned: DeviceDefinition; document: LoadedSpec } | undefined> {
  // The fault is in the list already. The program must not be started to ask it for its tools.
  if (!byOperator && programFaults(definition).length > 0) return undefined;
  const own = longTextFaults(definition.openSpec, '/openSpec');
  faults.push(...own);
  if (own.length > 0) return undefined;
  try {
    const pinned = await openspecs.pin(definition);
    const document = await openspecs.load(pinned, { byOperator, party });
    if (document.spec.tools.length > 0) return { pinned, document };
    document.release();
    const skipped = document.spec.skipped.map(({ operation, reason }) => `; ${operation}: ${reason}`);
    const fault = codedFault('/openSpec', 'no_operation');
    faults.push({ ...fault, detail: fault.detail + skipped.slice(0, 20).join('') });
  } catch (error) {
    // A server that is busy now says nothing about the definition.
    if (!(error instanceof AppError) || isForLater(error)) throw error;
    const found = error instanceof SpecError ? error.faults : [];
    // The faults of a document have pointers from its own root.
    const inside = found.map((fault) => ({ ...fault, pointer: `/openSpec${fault.pointer}` }));
    faults.push(...(inside.length > 0 ? inside : [{ pointer: '/openSpec', detail: messageOf(error) }]));
  }
  return undefined;
}

/** Faults of the calls of the safe state: in an emergency nobody can repair them. */
async function safeStateFaults(
  { safeState = [] }: DeviceDefinition,
  tools: readonly Tool[],
): Promise<Fault[]> {
  const faults: Fault[] = [];
  // The check by the schema reports a value that is not a list, and entries that are not objects.
  if (!Array.isArray(safeState)) return faults;
  for (const [index, entry] of (safeState as readonly unknown[]).entries()) {
    if (!isObject(entry) || typeof entry['tool'] !== 'string') continue;
    const { tool: name, arguments: args = {} } = entry;
    const pointer = childPointer('/safeState', index);
    const tool = tools.find((each) => each.name === name);
    if (tool === undefined) {
      faults.push({ pointer: `${pointer}/tool`, detail: `is no tool of the document: ${name}` });
      continue;
    }
    const check = await checkArguments(tool.parameters, args);
    if ('faults' in check) faults.push({ pointer: `${pointer}/arguments`, detail: check.faults });
  }
  return faults;
}

/** Rules that name no tool of the device: a misspelt name protects nothing. */
function ruleWarnings({ calls, limits }: Rules, tools: readonly Tool[]): string[] {
  const lists = { calls, limits };
  return Object.entries(lists).flatMap(([key, list]) =>
    list.flatMap(({ tools: patterns = [] }, index) =>
      patterns.flatMap((pattern, at) => {
        const matches = toolMatcher([pattern]);
        const isUsed = tools.some(({ name, operation }) => matches(name, operation));
        return isUsed
          ? []
          : [`/rules/${key}/${index}/tools/${at}: "${pattern}" names no tool of this device`];
      }),
    ),
  );
}
