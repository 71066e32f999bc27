import { expect } from 'chai';
import type OpenAI from 'openai';
import { openHttpDevice, type HttpDevice } from '../../support/http-device.ts';
import { openLampWorld, type LampWorld } from '../../support/lamp-world.ts';
import { refusal } from '../../support/openai-refusal.ts';
import { openThreadServer } from '../../support/threads.ts';

const csv = 'name,colour\nlamp,blue\n';
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const wav = Buffer.from('RIFF\x24\0\0\0WAVEfmt ', 'latin1').toString('base64');
const base64 = (text: string) => Buffer.from(text).toString('base64');
const shown = (name: string, type: string, text: string) => ({
  type: 'text',
  text: `[file "${name}", ${type}]\n${text}\n[end of file "${name}"]`,
});

describe('files inside of a request', () => {
  let world: LampWorld;
  let site: HttpDevice;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    site = await openHttpDevice();
    client = world.ada.openai;
  });
  after(async () => {
    await world.close();
    await site.close();
  });

  const lastContent = () =>
    (world.model.requests.at(-1)!.body['messages'] as { content: unknown }[]).at(-1)!.content;
  const ask = (...parts: object[]) => [
    { role: 'user', content: [{ type: 'input_text', text: 'What is it?' }, ...parts] },
  ];
  const post = (input: object, caller = world.ada) =>
    caller.call('POST', '/v1/responses', { model: 'm', input });
  const question = { type: 'text', text: 'What is it?' };
  const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } };
  const sound = { type: 'input_audio', input_audio: { data: wav, format: 'wav' } };

  it('are read for the model: text, pictures and sound, as base64 or as a data URL', async () => {
    const parts = [
      { type: 'input_file', filename: 'lamps.csv', file_data: base64(csv) },
      {
        type: 'input_file',
        filename: 'lamps.md',
        file_data: `data:text/markdown;base64,${base64('# Lamps')}`,
      },
      { type: 'input_file', filename: 'a.png', file_data: `data:image/png;base64,${png}` },
      { type: 'input_file', filename: 'a.wav', file_data: wav },
      sound,
    ];
    world.steps.push({ text: 'A list.' });
    const made = await post(ask(...parts));
    expect(made.status, JSON.stringify(made.body)).to.equal(200);
    const content = [
      question,
      shown('lamps.csv', 'text/csv', csv),
      shown('lamps.md', 'text/markdown', '# Lamps'),
      picture,
      sound,
      sound,
    ];
    expect(lastContent()).to.deep.equal(content);
    // The conversation has the content from then on, and shows it.
    const { data } = await client.responses.inputItems.list((made.body as { id: string }).id);
    expect((data[0] as { content: object[] }).content).to.deep.equal([
      { type: 'input_text', text: 'What is it?' },
      ...content.slice(1, 3).map((part) => ({ ...part, type: 'input_text' })),
      { type: 'input_image', image_url: picture.image_url.url, file_id: null, detail: 'auto' },
      sound,
      sound,
    ]);
    world.steps.push({ text: 'Still a list.' }, { text: 'Another way.' });
    const next = { model: 'm', input: 'Sure?', previous_response_id: (made.body as { id: string }).id };
    await world.ada.call('POST', '/v1/responses', next);
    // Going on from the first response again copies its conversation.
    await world.ada.call('POST', '/v1/responses', next);
    const said = world.model.requests.at(-1)!.body['messages'] as { role: string; content: unknown }[];
    expect(said.find(({ role }) => role === 'user')!.content).to.deep.equal(content);
  });

  it('are fetched from an address, behind redirects, too', async () => {
    site.answer = (response, { url }) => {
      if (url === '/old') response.writeHead(302, { location: '/files/lamps.csv?v=2' }).end();
      else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(csv);
    };
    world.steps.push({ text: 'A list.' });
    const made = await post(ask({ type: 'input_file', file_url: `${site.url}/old` }));
    expect(made.status, JSON.stringify(made.body)).to.equal(200);
    expect(lastContent()).to.deep.equal([question, shown('lamps.csv', 'text/csv', csv)]);
  });

  it('are taken in chat completions and as items of conversations', async () => {
    const file = { filename: 'lamps.csv', file_data: base64(csv) };
    world.steps.push({ text: 'A list.' });
    await client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: [{ type: 'file', file }] }],
    });
    expect(lastContent()).to.deep.equal([shown('lamps.csv', 'text/csv', csv)]);
    const items = [{ role: 'user', content: [{ type: 'input_file', ...file }, sound] }];
    const made = await world.ada.call('POST', '/v1/conversations', { items });
    const { id } = made.body as { id: string };
    await world.ada.call('POST', `/v1/conversations/${id}/items`, { items });
    world.steps.push({ text: 'Two lists.' });
    await client.responses.create({ model: 'm', conversation: id, input: 'What is it?' });
    const both = [shown('lamps.csv', 'text/csv', csv), sound];
    expect(lastContent()).to.deep.equal([...both, ...both, question]);
  });

  it('are refused with their field when they cannot be read, and nothing is asked', async () => {
    site.answer = (response, { url }) => {
      if (url === '/loop') response.writeHead(302, { location: '/loop' }).end();
      else if (url === '/large') response.writeHead(200).end(Buffer.alloc(21 * 1024 * 1024, 'a'));
      else if (url === '/broken') response.destroy();
      else response.writeHead(404).end();
    };
    const count = world.model.requests.length;
    const file = 'input.0.content.1';
    for (const [part, param] of [
      [{ type: 'input_file' }, `${file}.file_id`],
      [{ type: 'input_file', file_id: 'file-1', file_data: 'AAAA' }, `${file}.file_data`],
      [{ type: 'input_file', file_data: 'no base64!' }, `${file}.file_data`],
      [{ type: 'input_file', file_data: '' }, `${file}.file_data`],
      [{ type: 'input_file', file_data: 7 }, `${file}.file_data`],
      [{ type: 'input_file', file_url: 'file:///etc/passwd' }, `${file}.file_url`],
      [{ type: 'input_file', file_url: `${site.url}/none` }, `${file}.file_url`],
      [{ type: 'input_file', file_url: `${site.url}/loop` }, `${file}.file_url`],
      [{ type: 'input_file', file_url: `${site.url}/large` }, `${file}.file_url`],
      [{ type: 'input_file', file_url: `${site.url}/broken` }, `${file}.file_url`],
      [{ type: 'input_file', file_url: 'http://169.254.169.254/latest' }, `${file}.file_url`],
      [{ type: 'input_audio' }, `${file}.input_audio.format`],
      [{ type: 'input_audio', input_audio: { data: '?', format: 'mp3' } }, `${file}.input_audio.data`],
      [{ type: 'input_audio', input_audio: { data: wav, format: 'ogg' } }, `${file}.input_audio.format`],
    ] as const)
      expect(refusal(await post(ask(part))), JSON.stringify(part)).to.deep.equal([400, param]);
    const answer = await world.ada.call('POST', '/v1/conversations', {
      items: ask({ type: 'input_file', file_data: '!' }),
    });
    expect(refusal(answer)).to.deep.equal([400, 'items.0.content.1.file_data']);
    const chat = await world.ada.call('POST', '/v1/chat/completions', {
      messages: [{ role: 'user', content: [{ type: 'file', file: { file_data: '!' } }] }],
    });
    expect(refusal(chat)).to.deep.equal([400, 'messages.0.content.0.file.file_data']);
    expect(world.model.requests.length).to.equal(count);
  });

  it('need the right to bring a document when they are given by URL: the address may be that of a device', async () => {
    const server = await openThreadServer({ AUTH: 'required', DOCUMENTS: 'registered' });
    try {
      const eve = await server.caller('eve');
      const count = site.seen.length;
      const answer = await eve.call('POST', '/v1/responses', {
        input: ask({ type: 'input_file', file_url: `${site.url}/lamp/on` }),
      });
      expect([answer.status, (answer.body as { error: { message: string } }).error.message]).to.deep.equal([
        403,
        'This server calls addresses of admins only (DOCUMENTS=registered): send the file itself instead of input.0.content.1.file_url.',
      ]);
      expect(site.seen.length).to.equal(count);
    } finally {
      await server.close();
    }
  });

  it('with sound are refused in clear words by a model that cannot hear', async () => {
    const server = await openThreadServer();
    try {
      const eve = await server.caller('eve');
      const messages = [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, sound] }];
      const words =
        'the offline demo model cannot hear: send text, or set baseUrl, apiKey and a model that takes sound';
      for (const answer of [
        await eve.call('POST', '/v1/responses', { input: ask(sound) }),
        await eve.call('POST', '/v1/chat/completions', { messages }),
      ])
        expect((answer.body as { error: { message: string } }).error.message).to.equal(words);
    } finally {
      await server.close();
    }
  });
});
