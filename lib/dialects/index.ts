import { aideer } from './aideer/aideer.ts';
import { chat } from './chat/chat.ts';
import type { Dialect } from './dialect.ts';
import { liteagent } from './liteagent/liteagent.ts';
import { llmops } from './llmops/llmops.ts';
import { objects } from './objects/objects.ts';
import { openai } from './openai/openai.ts';

/** All dialects, each on paths of its own. */
export const dialects: readonly Dialect[] = [liteagent, openai, llmops, chat, aideer, objects];
