import { AppError } from '../errors.ts';
import type { Framing } from '../core/transcript.ts';
import type { Agent } from './agent-config.ts';
import { createAppConversations, type AppConversations } from './app-conversations.ts';
import { createApps, publishedVersion, versionInUse, type Apps, type AppsOptions } from './apps.ts';
import { openAgentMemory, type AgentMemory, type AgentMemoryOptions } from './agent-memory.ts';

/** Agents that people configure and store, in any dialect. */
export interface Agents {
  readonly apps: Apps;
  readonly conversations: AppConversations;
  readonly memory: AgentMemory;
  /** The agent that a session's configuration names (`agentName`), as it is now. `not_found` when it was removed. */
  open(name: string): Promise<Agent>;
  close(): Promise<void>;
}

/** The parts that agents are opened with. */
export type AgentsOptions = AppsOptions & AgentMemoryOptions;

/** The agent of an app: as its owner tries it (`app`: the draft where there is one), or as others use it (`published`). */
export type AgentKind = 'app' | 'published';

/** The form of the names of agents, as `agentName` makes them. */
const NAME = /^(app|published):(.+)$/;

/** The name of an agent in a session's configuration. */
export function agentName(kind: AgentKind, id: string): string {
  return `${kind}:${id}`;
}

/** The id of the app that an agent's name stands for; undefined for any other name. */
export function appIdOf(name: string): string | undefined {
  return NAME.exec(name)?.[2];
}

/** The stored agents over a migrated database; several nodes may share it. */
export function openAgents(options: AgentsOptions): Agents {
  const apps = createApps(options);
  const memory = openAgentMemory(options);
  return {
    apps,
    memory,
    conversations: createAppConversations(options.db, options.clock),
    async open(name) {
      const id = appIdOf(name);
      if (id === undefined) throw new AppError('not_found', `There is no agent "${name.slice(0, 100)}".`);
      const app = await apps.find(id, server);
      // The running summary is of the conversation in which the owner tries the app, and of no other.
      if (name === agentName('published', id))
        return { config: await publishedVersion(app).open(), memory: '' };
      const version = versionInUse(app);
      return { config: await version.open(), memory: version.remembers ? await memory.read(id) : '' };
    },
    close: () => memory.close(),
  };
}

/** The form in which a model gets an agent's conversation. */
export function framingOf({ config, memory }: Agent): Framing {
  const { systemPrompt = '', turnsMaxCount } = config;
  const short = memory && `What was said before, in short:\n${memory}`;
  return {
    system: [systemPrompt, short].filter(Boolean).join('\n\n'),
    ...(turnsMaxCount !== undefined && { turnsMaxCount }),
  };
}

/** The caller that opens agents: a user who may use the session may use its agent. */
const server = { id: 'operator', kind: 'operator' } as const;
