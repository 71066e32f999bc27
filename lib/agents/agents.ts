import { AppError } from '../errors.ts';
import type { Framing } from '../core/transcript.ts';
import type { Agent } from './agent-config.ts';
import { createApps, versionInUse, type Apps, type AppsOptions } from './apps.ts';
import { openAgentMemory, type AgentMemory, type AgentMemoryOptions } from './agent-memory.ts';

/** Agents that people configure and store, in any dialect. */
export interface Agents {
  readonly apps: Apps;
  readonly memory: AgentMemory;
  /** The agent that a session's configuration names (`agentName`), as it is now. `not_found` when it was removed. */
  open(name: string): Promise<Agent>;
  close(): Promise<void>;
}

/** What agents are opened with. */
export type AgentsOptions = AppsOptions & AgentMemoryOptions;

/** The name of an agent in a session's configuration. */
export function agentName(kind: 'app', id: string): string {
  return `${kind}:${id}`;
}

/** The id of the app that an agent's name stands for; undefined for any other name. */
export function appIdOf(name: string): string | undefined {
  return /^app:(.+)$/.exec(name)?.[1];
}

/** The stored agents over a migrated database; several nodes may share it. */
export function openAgents(options: AgentsOptions): Agents {
  const apps = createApps(options);
  const memory = openAgentMemory(options);
  return {
    apps,
    memory,
    async open(name) {
      const id = appIdOf(name);
      if (id === undefined) throw new AppError('not_found', `There is no agent "${name.slice(0, 100)}".`);
      const version = versionInUse(await apps.find(id, server));
      return { config: version.config, memory: version.remembers ? await memory.read(id) : '' };
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
