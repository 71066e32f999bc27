import { expect } from 'chai';
import { isObject, type JsonObject } from '../../lib/common/json.ts';
import type { Connection, Tool } from '../../lib/core/tool.ts';
import { openmodbus } from '../../lib/openspec/openmodbus/openmodbus.ts';
import { callTool } from '../support/modbus-call.ts';
import { useModbusBench } from '../support/modbus-bench.ts';
import { adu } from '../support/modbus-fake.ts';
import { documentOf as modbusDocument, functionOf } from '../support/modbus-document.ts';
import { oneOperation, openOpenapiBench, type OpenapiBench } from '../support/openapi-bench.ts';
import { documentOf, openOpenrpcBench, result, type OpenrpcBench } from '../support/openrpc.ts';

describe('the preview of a call is the request that the call sends', () => {
  describe('of an OpenAPI operation', () => {
    let bench: OpenapiBench;
    before(async () => {
      bench = await openOpenapiBench();
    });
    after(() => bench.close());

    it('with its method, URL, headers and body, and no key', async () => {
      const document = oneOperation(
        '/rooms/{id}',
        'put',
        {
          operationId: 'set',
          parameters: [
            { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
            { name: 'mode', in: 'query', schema: { type: 'string' } },
          ],
          requestBody: {
            content: {
              'application/json': { schema: { type: 'object', properties: { to: { type: 'number' } } } },
            },
          },
          security: [{ key: [] }],
        },
        { components: { securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-Api-Key' } } } },
      );
      const connection: Connection = { server: bench.device.url, credentials: { key: 'canary-of-key' } };
      const tool = await bench.toolOf(document);
      const args = { id: 'a/b', mode: 'eco', body: { to: 27 } };
      const shown = tool.preview?.(args, connection);
      expect(bench.device.seen).to.deep.equal([]);
      const { seen } = await bench.call(document, args, connection);
      const [{ method, url, headers, body } = seen[0]!] = seen;
      expect(shown).to.deep.equal({
        method,
        url: bench.device.url + url,
        headers: {
          accept: headers.accept,
          'content-type': headers['content-type'],
          'user-agent': headers['user-agent'],
          'x-api-key': '[secret]',
        },
        body: body.toString(),
      });
      expect(headers['x-api-key']).to.equal('canary-of-key');
    });

    it('with a fault where no request can be made', async () => {
      const tool = await bench.toolOf(
        oneOperation('/x', 'post', { operationId: 'x', servers: [{ url: 'ftp://x' }] }),
      );
      expect(tool.preview?.({}, {})).to.have.keys('fault');
    });
  });

  describe('of an OpenRPC method', () => {
    let bench: OpenrpcBench;
    before(async () => {
      bench = await openOpenrpcBench();
    });
    after(() => bench.close());

    it('with its params in the form of the first request', async () => {
      const params = [{ name: 'to', required: true, schema: { type: 'integer' } }];
      for (const paramStructure of ['by-name', 'by-position'] as const) {
        const tool = await bench.only(documentOf({ params, paramStructure, result }));
        bench.device.seen.length = 0;
        const shown = tool.preview?.({ to: 27 }, { server: bench.device.url });
        await bench.call(tool, { to: 27 });
        const [{ body } = bench.device.seen[0]!] = bench.device.seen;
        const { id: _, ...sent } = JSON.parse(body.toString()) as JsonObject;
        const { body: request } = shown as { body: JsonObject };
        expect(request).to.deep.equal({ ...sent, id: 1 });
      }
    });
  });

  describe('of an OpenModbus function', () => {
    const bench = useModbusBench();

    async function toolOf(fn: JsonObject): Promise<Tool> {
      const document = modbusDocument([fn], { url: '127.0.0.1', port: bench.fake.port });
      const { tools } = await openmodbus(bench.driver).compile(document, {});
      return tools[0]!;
    }

    const functions: [string, JsonObject, JsonObject, JsonObject][] = [
      [
        'a register',
        { value: { type: 'int16', multiplier: 0.1 } },
        { value: 26.5 },
        { functionCode: 6, values: [265] },
      ],
      [
        'two registers',
        { value: { type: 'uint32' } },
        { value: 65_537 },
        { functionCode: 16, values: [1, 1] },
      ],
      [
        'a coil',
        { path: { storage: 'coils' }, value: { type: 'bool' } },
        { value: true },
        { functionCode: 5, values: [true] },
      ],
    ];
    for (const [what, fn, args, shown] of functions)
      it(`with the frame that writes ${what}`, async () => {
        const tool = await toolOf(functionOf({ method: 'write', name: 'set', ...fn }));
        const preview = tool.preview?.(args, {});
        expect(preview).to.deep.include({
          unit: 1,
          address: 0,
          endpoint: `127.0.0.1:${bench.fake.port}`,
          ...shown,
        });
        await callTool(tool, args);
        const { unit, pdu } = bench.fake.writes[0]!;
        expect(isObject(preview) && preview['frame']).to.equal(adu(0, unit, pdu).toString('hex'));
      });
  });
});
