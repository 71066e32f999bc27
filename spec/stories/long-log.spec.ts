import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { AgentMessage } from '../../lib/dialects/liteagent/envelope.ts';
import { fill } from '../bench/fill.ts';
import { FloodServer } from '../support/flood-server.ts';

const LINES = 100_000;
const SECRET = 'a secret of the long log, 32 characters';
/** The event loop is held no longer for a part of a long answer. */
const HELD_MAX_MS = 100;

describe(`a session with a log of ${LINES} lines`, function () {
  this.timeout(180_000);
  let folder: string;
  let server: FloodServer;
  let session: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'long-log-'));
    const DATABASE_URL = `sqlite:${join(folder, 'a.db')}`;
    [session = ''] = await fill(DATABASE_URL, SECRET, 1, LINES);
    server = await FloodServer.open({ DATA_DIR: folder, DATABASE_URL, SECRET_KEY: SECRET });
    await history('&last=1');
    await server.report();
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  async function history(more = ''): Promise<AgentMessage[]> {
    const { status, text } = await server.send('127.0.0.10', 'GET', `/api/history?id=${session}${more}`);
    expect(status, text.slice(0, 200)).to.equal(200);
    return JSON.parse(text) as AgentMessage[];
  }
  /** The numbers of the lines that envelopes belong to. */
  const linesOf = (envelopes: readonly AgentMessage[]): number[] => [
    ...new Set(envelopes.map(({ seq }) => Math.floor(seq / 8))),
  ];
  const numbers = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, at) => from + at);

  for (const [name, more, first] of [
    ['all of them', '', 1],
    ['the last 99,999', '&last=99999', 2],
    ['the last 250', '&last=250', LINES - 249],
    ['the last one', '&last=1', LINES],
  ] as const)
    it(`shows ${name}, and holds the event loop for a moment only`, async () => {
      const shown = await history(more);
      const { heldMs } = await server.report();
      expect(linesOf(shown)).to.deep.equal(numbers(first, LINES));
      expect(heldMs, 'ms in which the event loop was held').to.be.below(HELD_MAX_MS);
    });
});
