import type { AgentConfig } from './agents/agent-config.ts';
import { framingOf, type Agents } from './agents/agents.ts';
import type { JsonObject } from './common/json.ts';
import { childPointer } from './common/json-pointer.ts';
import type { Limits } from './config.ts';
import { directFraming, directModel } from './core/direct-model.ts';
import type { Equipment } from './core/equipment.ts';
import type { ModelConfig } from './core/model.ts';
import type { DeviceUse, SessionConfig } from './core/session-config.ts';
import type { Tool } from './core/tool.ts';
import { createToolbox, type ToolboxOptions, type ToolSource } from './core/toolbox.ts';
import type { Devices } from './devices/devices.ts';
import { SpecError } from './errors.ts';
import type { FileRoom } from './files/index.ts';
import { showFiles } from './files/show-files.ts';
import type { Log } from './log.ts';
import { memoryTools } from './memory/memory-tools.ts';
import type { Memory } from './memory/memory.ts';
import type { Models } from './models/index.ts';
import { credentialWarnings } from './openspec/credential-warnings.ts';
import { longTextFaults } from './openspec/document-text.ts';
import { noToolsError } from './openspec/no-tools-error.ts';
import { isDocumentUrl, type DocumentEntry, type LoadedSpec, type Openspecs } from './openspec/openspecs.ts';
import { createToolSelector } from './openspec/tool-selector.ts';

/** The parts that the equipment of a session is made of. */
export interface EquipParts {
  agents: Agents;
  models: Models;
  files: FileRoom;
  memory: Memory;
  openspecs: Openspecs;
  devices: Devices;
  limits: Limits;
  log: Log;
}

/** How many names of tools that were not offered a log line shows. */
const NAMES_LOGGED = 50;

/**
 * Returns the function that opens the model and the documents of a session. A session that names a stored agent gets the
 * agent's model, documents and prompt instead of its own.
 */
export function createEquip(parts: EquipParts) {
  const { agents, models, files, memory } = parts;
  const ownMemory = memoryTools(memory);
  const options = toolboxOptions(parts);
  const withFiles = showFiles(files.files);
  return async (
    session: SessionConfig,
    children: readonly Tool[],
    owner: string,
    party?: string,
  ): Promise<Equipment> => {
    const agent = session.agent === undefined ? undefined : await agents.open(session.agent);
    const modelConfig = (agent ? agent.config.model : session.model) ?? {};
    const openModel = (config: ModelConfig) => withFiles(models.open(config, { party: owner }));
    // The calls of a direct session come from people, so that it needs no model.
    const model = session.direct ? directModel : openModel(modelConfig);
    const { documents: entries = [], devices = [] } = agent ? agent.config : session;
    const documents = await loadDocuments(parts, openersOf(parts, entries, devices, { owner, party }));
    const sources: ToolSource[] = documents.map(({ spec, connection }) => ({
      tools: spec.tools,
      connection: { ...connection, owner },
    }));
    if (children.length > 0) sources.push({ tools: children, connection: {} });
    const withMemory = [...sources, { tools: ownMemory, connection: { owner } }];
    return {
      model,
      modelWith: (parameters) => openModel({ ...modelConfig, ...parameters }),
      devices: devices.map(({ name }) => name),
      title: documents[0]?.spec.title,
      toolbox: createToolbox(
        session.memoryTools ? withMemory : sources,
        // A person may call every tool: none is left out of the offer.
        session.direct ? { resultMaxBytes: options.resultMaxBytes } : options,
      ),
      // Messages of a user, as in a thread, are answered by an agent that knows the user's memory.
      ...(isUser(owner) && { messageToolbox: () => createToolbox(withMemory, options) }),
      ...(session.direct && { framing: directFraming }),
      ...(agent && { framing: framingOf(agent) }),
      ...(agent?.config.toolStrategy && { toolStrategy: agent.config.toolStrategy }),
      close: () => documents.forEach((document) => document.release()),
    };
  };
}

/** Checks documents before a session works with them. */
export function createDocumentChecks(parts: Pick<EquipParts, 'models' | 'openspecs' | 'devices' | 'limits'>) {
  return {
    /** Checks a configuration when it is saved: rejects with the error that opening a session with it would give. */
    async checkAgent({ model, documents = [], devices = [] }: AgentConfig, owner: string): Promise<void> {
      parts.models.open(model);
      await parts.devices.requireAll(devices, owner, '/devices');
      const faults = documents.flatMap(({ openSpec }, at) =>
        longTextFaults(openSpec, `/documents/${at}/openSpec`),
      );
      if (faults.length > 0)
        throw new SpecError('A document of the app has textPieces, and is no document.', faults);
      const openers = openersOf(parts, documents, devices, { owner, party: owner });
      for (const document of await loadDocuments(parts, openers)) document.release();
    },
    /**
     * The odd things about documents that a session brings: keys that no document asks for. Rejects for a document that cannot be
     * opened.
     */
    async entryWarnings(entries: readonly DocumentEntry[], party: string): Promise<string[]> {
      const found = entries.map(async (entry, index) => {
        const { credentials, openSpec = '' } = entry;
        // A device that says its document is not asked a second time.
        const isFromDevice = openSpec === '' || (typeof openSpec === 'string' && isDocumentUrl(openSpec));
        if (!credentials || isFromDevice) return [];
        const { spec, release } = await parts.openspecs.load(entry, { party });
        release();
        const place = childPointer('/openSpecList', index);
        return credentialWarnings(entry, spec.credentialNames).map((warning) => place + warning);
      });
      return (await Promise.all(found)).flat();
    },
  };
}

function toolboxOptions({ limits, log }: EquipParts): ToolboxOptions {
  return {
    resultMaxBytes: limits.toolResultMaxBytes,
    chooser: (offers) =>
      createToolSelector(offers, {
        maxCount: limits.offeredToolsMaxCount,
        maxBytes: limits.offeredToolsMaxBytes,
      }),
    onLeftOut: (count, leftOut) =>
      log.debug(
        { leftOut: leftOut.slice(0, NAMES_LOGGED) },
        `${leftOut.length} of ${count} tools were not offered to the model`,
      ),
  };
}

/** Whether a session belongs to a user, and not to a caller without an account. */
function isUser(owner: string): boolean {
  return owner !== 'anonymous' && owner !== 'operator';
}

/** A document, or a device that the server knows, at its place in the configuration. */
interface Opener {
  pointer: string;
  open(): Promise<LoadedSpec>;
}

function openersOf(
  { openspecs, devices }: Pick<EquipParts, 'openspecs' | 'devices'>,
  entries: readonly JsonObject[],
  uses: readonly DeviceUse[],
  { owner, party }: { owner: string; party: string | undefined },
): Opener[] {
  return [
    ...entries.map((entry, index) => ({
      pointer: childPointer('/openSpecList', index),
      open: () => openspecs.load(entry, { party }),
    })),
    ...uses.map((use, index) => ({
      pointer: childPointer('/devices', index),
      open: () => devices.open(use, owner),
    })),
  ];
}

/**
 * Opens every document, or none. A document that cannot be used, or has no tool, fails the whole. The error names the place of each
 * such document.
 */
async function loadDocuments(
  { limits }: Pick<EquipParts, 'limits'>,
  openers: readonly Opener[],
): Promise<LoadedSpec[]> {
  const opened: LoadedSpec[] = [];
  const refused: SpecError[] = [];
  let count = 0;
  try {
    // One after the other: a session that is over its limit of tools opens no more documents.
    for (const opener of openers) {
      const document = await loadDocument(opener);
      if (document instanceof SpecError) {
        refused.push(document);
        continue;
      }
      opened.push(document);
      count += document.spec.tools.length;
      if (count > limits.sessionToolsMaxCount)
        throw new SpecError(
          `The documents up to ${opener.pointer} have ${count} operations; a session takes ${limits.sessionToolsMaxCount} (SESSION_TOOLS_MAX_COUNT). Choose some with "include".`,
        );
    }
    if (refused.length > 0) throw errorOfAll(refused);
    return opened;
  } catch (error) {
    for (const document of opened) document.release();
    throw error;
  }
}

/** One error with the words and the faults of all. */
function errorOfAll(errors: readonly SpecError[]): SpecError {
  const [first] = errors;
  if (errors.length === 1 && first) return first;
  const message = errors.map((error) => error.message).join(' ');
  return new SpecError(
    message,
    errors.flatMap(({ faults }) => faults),
  );
}

/** A document, or the error that says why it cannot be used. */
async function loadDocument({ pointer, open }: Opener): Promise<LoadedSpec | SpecError> {
  try {
    const document = await open();
    if (document.spec.tools.length > 0) return document;
    document.release();
    throw noToolsError(document.spec);
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    const faults = error.faults.map((fault) => ({
      ...fault,
      pointer: `${pointer}/openSpec${fault.pointer}`,
    }));
    return new SpecError(
      `The document at ${pointer} cannot be used: ${error.message}`,
      faults.length > 0 ? faults : [{ pointer, detail: error.message }],
      error,
    );
  }
}
