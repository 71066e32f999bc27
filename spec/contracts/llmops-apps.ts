import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import {
  lampDocument,
  operatorToken,
  type LlmopsAnswer,
  type LlmopsClient,
  type LlmopsUnderTest,
} from '../support/llmops.ts';

const icon = 'https://a.example/icon.png';
const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

/** Apps, their configurations, and who may do what with them (contract 3), over whatever database `test` stands on. */
export function describeLlmopsApps(test: () => LlmopsUnderTest): void {
  let client: LlmopsClient;
  beforeEach(async () => {
    client = await test().client();
  });

  const seconds = (): number => Math.floor(Date.now() / 1000);
  const bad = (data: Record<string, string[]>): LlmopsAnswer => ({
    status: 400,
    code: 'validate_error',
    data,
    message: Object.values(data)[0]![0]!,
  });
  const done = (message = ''): LlmopsAnswer => ({ status: 200, code: 'success', data: {}, message });
  const draftOf = async (id: string): Promise<Record<string, unknown>> =>
    (await client.get(`/apps/${id}`)).data['drafted_app_config'] as Record<string, unknown>;

  describe('an app', () => {
    it('is made, and shown with nulls where there is nothing yet', async () => {
      const before = seconds();
      const made = await client.post('/apps', { name: '慕课', icon, description: 'An agent.' });
      expect(made).to.deep.equal({ ...done(), data: { id: made.data['id'] } });
      expect(made.data['id']).to.match(uuid);
      const { status, code, message, data } = await client.get(`/apps/${String(made.data['id'])}`);
      const { created_at: created, updated_at: updated, ...rest } = data;
      expect({ status, code, message, rest }).to.deep.equal({
        status: 200,
        code: 'success',
        message: '',
        rest: {
          id: made.data['id'],
          name: '慕课',
          icon,
          description: 'An agent.',
          published_app_config_id: null,
          drafted_app_config_id: null,
          debug_conversation_id: null,
          published_app_config: null,
          drafted_app_config: null,
        },
      });
      expect(created).to.be.within(before, seconds());
      expect(updated).to.equal(created);
    });

    it('is refused with the faults of each field', async () => {
      expect(await client.post('/apps', {})).to.deep.equal(
        bad({ name: ['name is missing'], icon: ['icon is missing'] }),
      );
      expect(
        await client.post('/apps', { name: '   ', icon: 'ftp://a', description: 'a\u0000' }),
      ).to.deep.equal(
        bad({
          name: ['name must be a text of 1 to 40 characters'],
          icon: ['icon must be an http or https URL'],
          description: ['description must be a text of at most 800 characters'],
        }),
      );
      const long = { name: 'x'.repeat(41), icon, description: 'x'.repeat(801) };
      expect(await client.post('/apps', long)).to.deep.equal(
        bad({
          name: ['name must NOT have more than 40 characters'],
          description: ['description must NOT have more than 800 characters'],
        }),
      );
      expect((await client.post('/apps', { ...long, name: '名'.repeat(40), description: '' })).code).to.equal(
        'success',
      );
      expect(await client.post('/apps', [])).to.deep.equal(bad({ body: ['the body must be object'] }));
      const broken = await client.call('/apps', {
        method: 'POST',
        body: '{',
        headers: { 'content-type': 'application/json' },
      });
      expect([broken.status, await broken.json()]).to.deep.equal([
        400,
        {
          code: 'validate_error',
          data: {},
          message: 'Not JSON: the text ends too early at position 1 (line 1, column 2).',
        },
      ]);
    });

    it('is its owner’s and the operator’s alone', async () => {
      const id = await client.newApp({ dialog_round: 1 });
      const other = await test().client();
      const calls: [string, string, object?][] = [
        ['GET', ''],
        ['POST', '/config', { model_config: { dialog_round: 1 }, memory_mode: 'none' }],
        ['PUT', '/config', { model_config: { dialog_round: 1 }, memory_mode: 'none' }],
        ['POST', '/publish'],
        ['POST', '/publish/cancel'],
        ['POST', '/delete'],
        ['GET', '/long-term-memory'],
        ['POST', '/long-term-memory', { summary: 'Mine now.' }],
        ['POST', '/debug', { query: 'Hi?' }],
        ['GET', '/messages'],
        ['POST', `/messages/${randomUUID()}/delete`, {}],
      ];
      const outcomes = async (who: LlmopsClient, app: string): Promise<unknown[]> => {
        const seen: unknown[] = [];
        for (const [method, path, body] of calls) {
          const answer = await who.call(`/apps/${app}${path}`, {
            method,
            ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
          });
          const { code, data, message } = (await answer.json()) as LlmopsAnswer;
          seen.push([answer.status, code, data, message]);
        }
        return seen;
      };
      const all = (...outcome: unknown[]): unknown[] => calls.map(() => outcome);
      expect(await outcomes(other, id)).to.deep.equal(
        all(403, 'forbidden', {}, 'The app belongs to somebody else.'),
      );
      expect(await outcomes(test().clientWith(''), id)).to.deep.equal(
        all(401, 'unauthorized', {}, 'A token is needed: send "Authorization: Bearer <token>".'),
      );
      expect(await outcomes(test().clientWith('nonsense'), id)).to.deep.equal(
        all(401, 'unauthorized', {}, 'The token is unknown or no longer valid.'),
      );
      for (const unknown of [randomUUID(), 'x', '%00', 'a%2F..%2Fb'])
        expect(await outcomes(client, unknown)).to.deep.equal(
          all(404, 'not_found', {}, `There is no app "${decodeURIComponent(unknown)}".`),
        );
      expect((await test().clientWith(operatorToken).get(`/apps/${id}`)).status).to.equal(200);
      expect((await client.get(`/apps/${id}`)).data['debug_conversation_id']).to.equal(null);
    });

    it('is gone for everybody once it is deleted, and stands in the database', async () => {
      const id = await client.newApp({ dialog_round: 1 });
      expect(await client.post(`/apps/${id}/delete`)).to.deep.equal(done());
      expect((await client.get(`/apps/${id}`)).code).to.equal('not_found');
      expect((await client.post(`/apps/${id}/delete`)).code).to.equal('not_found');
      expect((await client.get('/apps')).data['list']).to.deep.equal([]);
      expect(await test().dump()).to.include(id);
    });

    it('has no other calls: what is not there is not found, in the same shape', async () => {
      const id = await client.newApp();
      for (const path of [`/apps/${id}/nothing`, `/apps/${id}/config/more`])
        expect(await client.get(path)).to.deep.equal({
          status: 404,
          code: 'not_found',
          data: {},
          message: `There is nothing at ${path}.`,
        });
      const wrong = await client.call(`/apps/${id}/config`, { method: 'DELETE' });
      expect([wrong.status, await wrong.json()]).to.deep.equal([
        404,
        {
          code: 'not_found',
          data: {},
          message: `There is no DELETE at /apps/${id}/config, only POST, PUT.`,
        },
      ]);
    });
  });

  describe('a page of apps', () => {
    const names = (answer: LlmopsAnswer): unknown[] =>
      (answer.data['list'] as { name: string }[]).map(({ name }) => name);

    it('has the newest first, twenty unless asked otherwise, and nothing of others', async () => {
      for (let number = 1; number <= 21; number += 1)
        await client.post('/apps', { name: `App ${number}`, icon });
      await (await test().client()).newApp();
      const first = await client.get('/apps');
      const order = Array.from({ length: 21 }, (_, index) => `App ${21 - index}`);
      expect(names(first)).to.deep.equal(order.slice(0, 20));
      expect(first.data['paginator']).to.deep.equal({
        current_page: 1,
        page_size: 20,
        total_page: 2,
        total_record: 21,
      });
      expect(names(await client.get('/apps?current_page=2'))).to.deep.equal(['App 1']);
      expect(names(await client.get('/apps?current_page=3&page_size=4'))).to.deep.equal(order.slice(8, 12));
      const beyond = await client.get('/apps?current_page=900&page_size=5');
      expect(beyond).to.deep.equal({
        ...done(),
        data: {
          list: [],
          paginator: { current_page: 900, page_size: 5, total_page: 5, total_record: 21 },
        },
      });
      const [newest] = first.data['list'] as { id: string }[];
      expect(newest).to.deep.equal((await client.get(`/apps/${newest!.id}`)).data);
    });

    it('ends at the cursor, its second included', async () => {
      await client.newApp();
      const at = seconds();
      expect(names(await client.get(`/apps?created_at=${at}`))).to.deep.equal(['App']);
      expect((await client.get(`/apps?created_at=${at - 60}`)).data).to.deep.equal({
        list: [],
        paginator: { current_page: 1, page_size: 20, total_page: 0, total_record: 0 },
      });
    });

    it('refuses what is none', async () => {
      const page = 'current_page must be a whole number from 1';
      const size = 'page_size must be a whole number from 1 to 20';
      const cursor = 'created_at must be a time in unix seconds';
      for (const query of ['current_page=0', 'current_page=-1', 'current_page=1.5', 'current_page='])
        expect(await client.get(`/apps?${query}`)).to.deep.equal(bad({ current_page: [page] }));
      for (const query of ['page_size=0', 'page_size=21', 'page_size=x'])
        expect(await client.get(`/apps?${query}`)).to.deep.equal(bad({ page_size: [size] }));
      expect(await client.get('/apps?current_page=0&page_size=0&created_at=now')).to.deep.equal(
        bad({ current_page: [page], page_size: [size], created_at: [cursor] }),
      );
      expect(await client.get('/apps?page_size=1&page_size=2')).to.deep.equal(
        bad({ page_size: ['page_size is given more than once'] }),
      );
    });
  });

  describe('a configuration', () => {
    const body = { model_config: { dialog_round: 10 }, memory_mode: 'long_term_memory' };
    const saved = done('更新AI应用配置成功');

    it('becomes the draft, and changes it the next time', async () => {
      const id = await client.newApp();
      const before = seconds();
      expect(await client.post(`/apps/${id}/config`, body)).to.deep.equal(saved);
      const { data } = await client.get(`/apps/${id}`);
      const draft = data['drafted_app_config'] as Record<string, unknown>;
      const { created_at: created, updated_at: updated, ...rest } = draft;
      expect(rest).to.deep.equal({
        id: data['drafted_app_config_id'],
        model_config: { dialog_round: 10 },
        memory_mode: 'long_term_memory',
        status: 'drafted',
      });
      expect(rest['id']).to.match(uuid);
      expect([created, updated]).to.satisfy((times: number[]) => times.every((time) => time >= before));
      const changed = { model_config: { dialog_round: 0 }, memory_mode: 'none', status: 'draft' };
      const put = await client.call(`/apps/${id}/config`, {
        method: 'PUT',
        body: JSON.stringify(changed),
        headers: { 'content-type': 'application/json' },
      });
      expect(await put.json()).to.deep.include({ code: 'success', message: '更新AI应用配置成功' });
      expect(await draftOf(id)).to.deep.include({
        id: rest['id'],
        model_config: { dialog_round: 0 },
        memory_mode: 'none',
        created_at: created,
      });
    });

    it('keeps everything that a client puts beside what is known', async () => {
      const id = await client.newApp();
      const model_config = {
        dialog_round: 2,
        provider: 'openai',
        parameters: { temperature: 0.5, stop: ['#'], deep: { er: [1, { x: true }] } },
        systemPrompt: 'Be kind.',
        toolPipelineStrategy: 'serial',
        openSpecList: [{ openSpec: lampDocument, server: 'http://a.example' }],
        llmConfig: { model: 'm', temperature: 1 },
      };
      await client.post(`/apps/${id}/config`, { model_config, memory_mode: 'none' });
      expect((await draftOf(id))['model_config']).to.deep.equal(model_config);
    });

    it('takes dialog_round beside model_config too, but not two different ones', async () => {
      const id = await client.newApp();
      const send = (inside: object, beside?: unknown): Promise<LlmopsAnswer> =>
        client.post(`/apps/${id}/config`, {
          model_config: inside,
          memory_mode: 'none',
          dialog_round: beside,
        });
      expect(await send({}, 4)).to.deep.equal(saved);
      expect((await draftOf(id))['model_config']).to.deep.equal({ dialog_round: 4 });
      expect(await send({ dialog_round: 5 }, 5)).to.deep.equal(saved);
      expect(await send({ dialog_round: 5 }, 6)).to.deep.equal(
        bad({ dialog_round: ['dialog_round is 6, but 5 in model_config'] }),
      );
      expect(await send({})).to.deep.equal(
        bad({ 'model_config.dialog_round': ['model_config.dialog_round is missing'] }),
      );
    });

    it('is refused with the faults of each field', async () => {
      const id = await client.newApp();
      const send = (config: object): Promise<LlmopsAnswer> => client.post(`/apps/${id}/config`, config);
      expect(await send({})).to.deep.equal(
        bad({ model_config: ['model_config is missing'], memory_mode: ['memory_mode is missing'] }),
      );
      expect(
        await send({
          model_config: {
            dialog_round: -1,
            llmConfig: { baseUrl: 'x' },
            openSpecList: [{}],
          },
          memory_mode: 'some',
          status: 'published',
        }),
      ).to.deep.equal(
        bad({
          'model_config.dialog_round': ['model_config.dialog_round must be >= 0'],
          'model_config.llmConfig.baseUrl': ['model_config.llmConfig.baseUrl must be an http or https URL'],
          'model_config.openSpecList.0.openSpec': ['model_config.openSpecList.0.openSpec is missing'],
          memory_mode: ['memory_mode must be one of long_term_memory, none'],
          status: ['status must be one of drafted, draft'],
        }),
      );
      for (const dialog_round of [1.5, '3', true])
        expect(await send({ model_config: { dialog_round }, memory_mode: 'none' })).to.deep.equal(
          bad({ 'model_config.dialog_round': ['model_config.dialog_round must be integer'] }),
        );
      const deep = JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`) as unknown;
      expect((await send({ model_config: { dialog_round: 1, deep }, memory_mode: 'none' })).message).to.equal(
        'model_config is nested more than 200 levels deep',
      );
      expect(await draftOf(id)).to.equal(null);
    });

    it('shows its keys masked, keeps them sealed, and takes a masked one as unchanged', async () => {
      const id = await client.newApp();
      const entry = (apiKey: string): object => ({
        openSpec: lampDocument,
        apiKey: { type: 'bearer', apiKey },
        credentials: {
          login: { username: 'ann', password: 'canary-of-the-login' },
          header: 'canary-of-a-header',
        },
      });
      const llmConfig = { baseUrl: 'http://m.example/v1', apiKey: 'sk-canary-0123456789abcd' };
      const model_config = {
        dialog_round: 1,
        llmConfig,
        openSpecList: [entry('canary-of-device-1'), entry('short')],
        vendor: { api_key: 'canary-of-vendor', maxTokens: 'canary-no-secret' },
      };
      await client.post(`/apps/${id}/config`, { model_config, memory_mode: 'none' });
      await client.post(`/apps/${id}/publish`);
      const maskedEntry = (apiKey: string): object => ({
        openSpec: lampDocument,
        apiKey: { type: 'bearer', apiKey },
        credentials: { login: { username: 'ann', password: 'can…ogin' }, header: 'can…ader' },
      });
      const shown = {
        dialog_round: 1,
        llmConfig: { baseUrl: 'http://m.example/v1', apiKey: 'sk-…abcd' },
        openSpecList: [maskedEntry('can…ce-1'), maskedEntry('…')],
        vendor: { api_key: 'can…ndor', maxTokens: 'canary-no-secret' },
      };
      const { data } = await client.get(`/apps/${id}`);
      expect((data['drafted_app_config'] as { model_config: object }).model_config).to.deep.equal(shown);
      expect((data['published_app_config'] as { model_config: object }).model_config).to.deep.equal(shown);
      expect(JSON.stringify((await client.get('/apps')).data)).to.not.include('canary-of');
      expect(await test().dump()).to.not.include('canary');

      // Back as it was shown, the documents in another order, one key new.
      const back = {
        ...shown,
        openSpecList: [maskedEntry('new-canary-of-device'), maskedEntry('can…ce-1')],
      };
      expect(
        await client.post(`/apps/${id}/config`, { model_config: back, memory_mode: 'none' }),
      ).to.deep.equal(saved);
      expect((await draftOf(id))['model_config']).to.deep.equal({
        ...shown,
        openSpecList: [maskedEntry('new…vice'), maskedEntry('can…ce-1')],
      });
      const lost = { ...shown, llmConfig: { apiKey: 'sk-…0000' } };
      expect(
        await client.post(`/apps/${id}/config`, { model_config: lost, memory_mode: 'none' }),
      ).to.deep.equal(
        bad({
          'model_config.llmConfig.apiKey': [
            'model_config.llmConfig.apiKey is the mask of a key that is not stored here: send the key itself',
          ],
        }),
      );
      const elsewhere = (more: object) =>
        client.post(`/apps/${id}/config`, { model_config: { ...shown, ...more }, memory_mode: 'none' });
      const moved = { baseUrl: 'http://elsewhere.example/v1', apiKey: 'sk-…abcd' };
      const other = lampDocument.replace('http://127.0.0.1:9', 'http://elsewhere.example');
      const refused = [
        await elsewhere({ llmConfig: moved }),
        await elsewhere({ openSpecList: [{ ...maskedEntry('new…vice'), openSpec: other }] }),
        await elsewhere({
          openSpecList: [{ ...maskedEntry('new…vice'), server: 'http://elsewhere.example' }],
        }),
        await elsewhere({ openSpecList: [maskedEntry('sk-…abcd')] }),
      ];
      expect(refused.map(({ data }) => Object.keys(data))).to.deep.equal([
        ['model_config.llmConfig.apiKey'],
        ['model_config.openSpecList.0.apiKey.apiKey'],
        ['model_config.openSpecList.0.apiKey.apiKey'],
        ['model_config.openSpecList.0.apiKey.apiKey'],
      ]);
      const dotted = { baseUrl: 'http://M.example:80/v1/', apiKey: 'sk-...abcd' };
      expect(
        await elsewhere({ llmConfig: dotted, openSpecList: shown.openSpecList.slice(1, 1) }),
      ).to.deep.equal(saved);
      await elsewhere({
        openSpecList: [maskedEntry('new-canary-of-device'), maskedEntry('canary-of-device-1')],
      });
      const vendor = { dialog_round: 1, vendor: { token: '…' }, openSpecList: [maskedEntry('…')] };
      expect(
        Object.keys(
          (await client.post(`/apps/${id}/config`, { model_config: vendor, memory_mode: 'none' })).data,
        ),
      ).to.deep.equal(['model_config.openSpecList.0.apiKey.apiKey']);
    });

    it('is published as it is then, and taken back', async () => {
      const id = await client.newApp();
      expect(await client.post(`/apps/${id}/publish`)).to.deep.equal({
        status: 400,
        code: 'fail',
        data: {},
        message: 'The app has no draft that could be published.',
      });
      await client.post(`/apps/${id}/config`, body);
      expect(await client.post(`/apps/${id}/publish`)).to.deep.equal(done());
      const first = (await client.get(`/apps/${id}`)).data;
      const { id: publishedId, ...published } = first['published_app_config'] as Record<string, unknown>;
      expect(publishedId).to.equal(first['published_app_config_id']);
      expect(publishedId).to.not.equal(first['drafted_app_config_id']);
      expect(published).to.deep.include({ ...body, status: 'published' });
      await client.post(`/apps/${id}/config`, { model_config: { dialog_round: 3 }, memory_mode: 'none' });
      const second = (await client.get(`/apps/${id}`)).data;
      expect(second['published_app_config']).to.deep.equal(first['published_app_config']);
      expect(second['drafted_app_config']).to.deep.include({ model_config: { dialog_round: 3 } });
      expect(await client.post(`/apps/${id}/publish/cancel`)).to.deep.equal(done());
      expect(await client.post(`/apps/${id}/publish/cancel`)).to.deep.equal(done());
      expect((await client.get(`/apps/${id}`)).data).to.deep.include({
        published_app_config_id: null,
        published_app_config: null,
        drafted_app_config_id: first['drafted_app_config_id'],
      });
    });

    it('is one draft however many send theirs at once, and one published copy of a whole draft', async () => {
      const id = await client.newApp();
      const draft = (round: number): object => ({
        model_config: { dialog_round: round, same: round },
        memory_mode: 'none',
      });
      const rounds = Array.from({ length: 12 }, (_, index) => index);
      const codes = await Promise.all(
        rounds.map(async (round) => (await client.post(`/apps/${id}/config`, draft(round))).code),
      );
      expect(codes).to.deep.equal(rounds.map(() => 'success'));
      const mixed = rounds.flatMap((round) => [
        client.post(`/apps/${id}/config`, draft(100 + round)),
        client.post(`/apps/${id}/publish`),
      ]);
      expect((await Promise.all(mixed)).map(({ code }) => code)).to.deep.equal(mixed.map(() => 'success'));
      const { data } = await client.get(`/apps/${id}`);
      for (const kind of ['drafted_app_config', 'published_app_config']) {
        const { model_config: config } = data[kind] as {
          model_config: { dialog_round: number; same: number };
        };
        expect(config.same).to.equal(config.dialog_round);
        expect(config.dialog_round).to.be.at.least(kind === 'drafted_app_config' ? 100 : 0);
      }
      const rows = JSON.parse(await test().dump()) as {
        app_id?: string;
        status?: string;
        number?: number;
      }[][];
      const own = rows.flat().filter(({ app_id: app }) => app === id);
      expect(own.filter(({ status }) => status !== undefined)).to.have.length(2);
      // Each publication is noted once.
      const numbers = own.flatMap(({ number }) => number ?? []).toSorted((one, two) => one - two);
      expect(numbers).to.deep.equal(rounds.map((round) => round + 1));
    });
  });
}
