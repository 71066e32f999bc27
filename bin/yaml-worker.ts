import { parentPort } from 'node:worker_threads';
import { answerYaml } from '../lib/openspec/yaml-apart.ts';

// A thread that parses YAML documents, one after the other.
if (parentPort) answerYaml(parentPort);
