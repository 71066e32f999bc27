import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isObject, type JsonObject, type JsonValue } from '../../lib/common/json.ts';
import type { Tool } from '../../lib/core/tool.ts';
import { openDocuments, type Documents } from '../../lib/openspecs.ts';
import type { Egress } from '../../lib/drivers/egress.ts';
import { readFilesBeside } from '../../lib/openspec/files.ts';
import { parseText } from '../../lib/openspec/parse.ts';
import { defaultKinds } from '../../lib/defaults.ts';
import { simulateDocument } from '../../lib/openspec/simulate-document.ts';
import { sampleOf } from '../../lib/openspec/schema/sample.ts';
import { openLocalEgress } from '../support/modbus-egress.ts';
import { needPeer } from '../support/peers.ts';
import { viewOf } from '../support/schema-view.ts';

// Real documents, written by others: data beside the project, not a part of it.
const corpus = process.env['CORPUS_DIR'] ?? '../shared/corpus';

/** What the tool requires, made up from its schema. */
function argumentsFor({ parameters }: Tool): JsonObject {
  const { properties, required } = parameters;
  const names = Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
  const schemas: JsonObject = isObject(properties) ? properties : {};
  return Object.fromEntries(names.map((name) => [name, sampleOf(viewOf(schemas[name], parameters), name)]));
}

/** Deletions come last, what lies deepest first: what is deleted does not answer any more. */
function inOrder(tools: readonly Tool[]): Tool[] {
  const rank = ({ operation }: Tool): number =>
    operation.startsWith('DELETE') ? 1000 - operation.split('/').length : 0;
  return tools.toSorted((a, b) => rank(a) - rank(b));
}

/** How a call went: HTTP's or Modbus' status, a JSON-RPC error's code. */
function codeOf({ statusCode, error }: JsonObject): JsonValue | undefined {
  const { code } = isObject(error) ? error : {};
  return typeof code === 'number' ? code : statusCode;
}

describe('simulated devices of real documents', function () {
  this.timeout(60_000);
  if (!existsSync(corpus)) {
    it(`are not made: there is no ${corpus} (CORPUS_DIR names another place)`, function () {
      this.skip();
    });
    return;
  }
  let egress: Egress;
  let devices: Documents;
  before(() => {
    egress = openLocalEgress();
    devices = openDocuments({ egress, resultMaxBytes: 65_536, documentMaxBytes: 1, readFiles: true });
  });
  after(async () => {
    await devices.close();
    await egress.close();
  });

  const names = ['openapi', 'openrpc', 'openmodbus'].flatMap((folder) =>
    readdirSync(join(corpus, folder))
      .filter((name) => /\.(?:json|ya?ml)$/.test(name))
      .map((name) => join(folder, name)),
  );
  const nested = join('openapi', 'openhue.d', 'src', 'main.yaml');
  for (const name of existsSync(join(corpus, nested)) ? [...names, nested] : names) {
    it(`${name} starts, and answers every operation`, async function () {
      if (/(?:rtu|ascii)/.test(name)) needPeer(this, 'socat');
      const source = join(corpus, name);
      const { document } = await parseText(readFileSync(source, 'utf8'));
      const { files } = await readFilesBeside(document, source);
      const { device } = await simulateDocument(defaultKinds, document, { files, source });
      try {
        const server = device.server;
        const { spec, connection, release } = await devices.openspecs.load({
          openSpec: document,
          source,
          server,
        });
        const counts = { done: 0, refused: 0 };
        for (const tool of inOrder(spec.tools)) {
          const context = {
            connection,
            signal: new AbortController().signal,
            timeoutMs: spec.kind === 'openmodbus' ? 300 : 5000,
          };
          const result = await tool.call(argumentsFor(tool), context);
          const code = codeOf(result);
          const { error } = result;
          // The model's schema of a large body is shorter than the document's: what is made from it may not fit.
          const refused =
            code === 400 || code === -32602 || (isObject(error) && error['code'] === 'invalid_arguments');
          if (refused) counts.refused++;
          else counts.done++;
          const isFine = code === 0 || (typeof code === 'number' && code >= 200 && code < 400);
          // Nobody answers on unit 0 of a serial line: the one document that reads there shows its time-out.
          const isBroadcast = spec.kind === 'openmodbus' && code === 240;
          expect(
            isFine || refused || isBroadcast,
            `${tool.operation}: ${JSON.stringify(result).slice(0, 300)}`,
          ).to.equal(true);
        }
        expect(counts.refused).to.be.at.most(Math.max(2, spec.tools.length / 6));
        expect(JSON.stringify(device.state()).length).to.be.below(2_000_000);
        release();
      } finally {
        await device.close();
      }
    });
  }
});
