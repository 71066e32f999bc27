import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { toFile } from 'openai';
import { openOpenAiDocument } from '../../support/openai-document.ts';
import { openThreadServer, type Answer, type Caller, type ThreadServer } from '../../support/threads.ts';

const document = openOpenAiDocument();
const valid = (schema: string, body: unknown): void => document?.expectValid(schema, body);
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

function formOf(fields: Record<string, string | [Buffer, string]>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields))
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, new Blob([new Uint8Array(value[0])]), value[1]);
  return form;
}

function told({ status, body }: Answer): [number, string, string | null] {
  const { error } = body as { error: { message: string; param: string | null } };
  valid('ErrorResponse', body);
  return [status, error.message, error.param];
}

describe('files and uploads', () => {
  let server: ThreadServer;
  let ada: Caller;
  let bob: Caller;
  before(async () => {
    server = await openThreadServer({
      FILES_PER_OWNER_MAX_BYTES: '40000000',
      UPLOAD_PART_MAX_BYTES: '9000000',
    });
    ada = await server.caller('ada');
    bob = await server.caller('bob');
  });
  after(async () => {
    await server.close();
    expect(server.complaints).to.deep.equal([]);
  });

  /** How many objects lie in the store. */
  async function objectCount(): Promise<number> {
    const folder = join(server.folder, 'files');
    if (!existsSync(folder)) return 0;
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).length;
  }

  const begin = async (bytes: number, more: object = {}): Promise<{ id: string; expires_at: number }> => {
    const body = { purpose: 'assistants', filename: 'notes.txt', bytes, mime_type: 'text/plain', ...more };
    const answer = await ada.call('POST', '/v1/uploads', body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return answer.body as { id: string; expires_at: number };
  };
  const part = (upload: string, data: string | Buffer, more: Record<string, string> = {}): Promise<Answer> =>
    ada.call(
      'POST',
      `/v1/uploads/${upload}/parts`,
      formOf({ data: typeof data === 'string' ? data : [data, 'blob'], ...more }),
    );
  const partId = async (upload: string, data: string | Buffer): Promise<string> => {
    const answer = await part(upload, data);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return (answer.body as { id: string }).id;
  };
  const complete = (upload: string, part_ids: string[], more: object = {}): Promise<Answer> =>
    ada.call('POST', `/v1/uploads/${upload}/complete`, { part_ids, ...more });

  it('may have any printable text for a media type', async () => {
    for (const mime_type of ['text/plain; charset=utf-8', 'text', 'image/svg+xml'])
      expect((await begin(1, { mime_type })).id).to.match(/^upload_/);
    const body = { purpose: 'assistants', filename: 'a', bytes: 1, mime_type: 'text/plain\r\nx: y' };
    expect((await ada.call('POST', '/v1/uploads', body)).status).to.equal(400);
  });

  it('come in parts through the official client, in the order of part_ids, checked by md5', async () => {
    const content = randomBytes(300_000);
    const upload = await ada.openai.uploads.create({
      purpose: 'assistants',
      filename: 'data.bin',
      bytes: content.length,
      mime_type: 'application/octet-stream',
    });
    valid('Upload', upload);
    expect(upload).to.deep.equal({
      id: upload.id,
      object: 'upload',
      bytes: 300_000,
      created_at: upload.created_at,
      filename: 'data.bin',
      purpose: 'assistants',
      status: 'pending',
      expires_at: upload.created_at + 3600,
    });
    const ids: string[] = [];
    for (const [from, to] of [
      [200_000, 300_000],
      [0, 200_000],
    ] as const) {
      const made = await ada.openai.uploads.parts.create(upload.id, {
        data: await toFile(content.subarray(from, to), 'part'),
      });
      valid('UploadPart', made);
      expect(made).to.deep.equal({
        id: made.id,
        object: 'upload.part',
        created_at: made.created_at,
        upload_id: upload.id,
      });
      ids.unshift(made.id);
    }
    const md5 = createHash('md5').update(content).digest('hex');
    const wrong = await complete(upload.id, ids.toReversed(), { md5 });
    expect(wrong.status).to.equal(400);
    const done = await ada.openai.uploads.complete(upload.id, { part_ids: ids, md5 });
    valid('Upload', done);
    const { file } = done;
    expect(done).to.deep.equal({ ...upload, status: 'completed', file });
    expect(file).to.deep.equal({
      id: file!.id,
      object: 'file',
      bytes: 300_000,
      created_at: file!.created_at,
      filename: 'data.bin',
      purpose: 'assistants',
      status: 'processed',
    });
    const back = await ada.openai.files.content(file!.id);
    expect(Buffer.from(await back.arrayBuffer()).equals(content)).to.equal(true);
    expect(back.headers.get('content-length')).to.equal('300000');
    for (const answer of [await part(upload.id, 'x'), await complete(upload.id, ids)])
      expect(answer.status).to.equal(400);
    await ada.openai.files.delete(file!.id);
    expect(await objectCount()).to.equal(0);
  });

  it('take a part as a plain field too, and a file of nothing', async () => {
    const upload = await begin(6);
    const ids = [await partId(upload.id, 'aHR'), await partId(upload.id, Buffer.from([0xff, 0, 0x80]))];
    const { body } = await complete(upload.id, ids);
    const { file } = body as { file: { id: string } };
    const content = await ada.openai.files.content(file.id);
    expect(Buffer.from(await content.arrayBuffer())).to.deep.equal(
      Buffer.concat([Buffer.from('aHR'), Buffer.from([0xff, 0, 0x80])]),
    );
    const nothing = await begin(0);
    const empty = (await complete(nothing.id, [])).body as {
      status: string;
      file: { id: string; bytes: number };
    };
    valid('Upload', empty);
    expect([empty.status, empty.file.bytes]).to.deep.equal(['completed', 0]);
    expect((await ada.call('GET', `/v1/files/${empty.file.id}/content`)).body).to.equal('');
    for (const { id } of [file, empty.file]) await ada.openai.files.delete(id);
  });

  it('are refused with 400 when sizes do not add up, parts are not theirs, or too much comes', async () => {
    const upload = await begin(10);
    const first = await partId(upload.id, 'hello');
    const second = await partId(upload.id, 'world');
    const other = await begin(5);
    const foreign = await partId(other.id, 'other');
    for (const ids of [[first], [first, first], [first, foreign], ['part_x']])
      expect((await complete(upload.id, ids)).status, ids.join()).to.equal(400);
    expect((await part(upload.id, 'more than ten')).status).to.equal(400);
    expect((await part(upload.id, '0123456789')).status).to.equal(200);
    expect(told(await part(upload.id, 'x'))[1]).to.contain('more than 2 times');
    const large = await begin(20_000_000);
    expect(told(await part(large.id, randomBytes(9_000_001)))).to.deep.equal([
      400,
      'A part of this upload may have 9000000 bytes at most now.',
      null,
    ]);
    expect((await ada.call('POST', '/v1/uploads', { purpose: 'x', bytes: -1 })).status).to.equal(400);
    const most = { purpose: 'batch', filename: 'a', mime_type: 'text/plain' };
    for (const bytes of [8 * 2 ** 30 + 1, 30_000_000])
      expect((await ada.call('POST', '/v1/uploads', { ...most, bytes })).status).to.equal(400);
    expect((await complete(upload.id, [second, first])).status).to.equal(200);
    for (const { id } of [other, large]) {
      const { body } = await ada.call('POST', `/v1/uploads/${id}/cancel`);
      valid('Upload', body);
      expect((body as { status: string }).status).to.equal('cancelled');
      expect((await ada.call('POST', `/v1/uploads/${id}/cancel`)).status).to.equal(400);
      expect((await part(id, 'x')).status).to.equal(400);
    }
    const [file] = (await ada.openai.files.list()).data;
    expect(await (await ada.openai.files.content(file!.id)).text()).to.equal('worldhello');
    await ada.openai.files.delete(file!.id);
    expect(await objectCount()).to.equal(0);
  });

  it('belong to their maker and, where it was said, to a thread', async () => {
    const [mine, others, bobs] = await Promise.all([
      ada.openai.beta.threads.create({}),
      ada.openai.beta.threads.create({}),
      bob.openai.beta.threads.create({}),
    ]);
    const create = { purpose: 'vision', filename: 'a.png', bytes: 4, mime_type: 'image/png' };
    expect((await ada.call('POST', '/v1/uploads', { ...create, thread_id: bobs.id })).status).to.equal(403);
    const upload = await begin(4, { thread_id: mine.id });
    for (const [thread, status] of [
      [others.id, 400],
      [bobs.id, 403],
      ['thread_0', 404],
    ] as const) {
      expect((await part(upload.id, 'half', { thread_id: thread })).status).to.equal(status);
      expect((await complete(upload.id, [], { thread_id: thread })).status).to.equal(status);
    }
    const path = `/v1/uploads/${upload.id}`;
    for (const [method, more, body] of [
      ['POST', '/parts', formOf({ data: 'half' })],
      ['POST', '/complete', { part_ids: [] }],
      ['POST', '/cancel', undefined],
    ] as const) {
      expect((await bob.call(method, `${path}${more}`, body)).status).to.equal(403);
      expect((await ada.call(method, `/v1/uploads/upload_1${more}`, body)).status).to.equal(404);
    }
    const made = await part(upload.id, 'half', { thread_id: mine.id });
    const { id } = made.body as { id: string };
    const { body } = await complete(upload.id, [id], { thread_id: mine.id });
    const { file } = body as { file: { id: string } };
    for (const [method, more] of [
      ['GET', ''],
      ['GET', '/content'],
      ['DELETE', ''],
    ] as const)
      expect((await bob.call(method, `/v1/files/${file.id}${more}`)).status).to.equal(403);
    await ada.openai.files.delete(file.id);
  });

  it('are sent in one piece, listed in pages, and not found once deleted', async () => {
    const made = [];
    for (const n of [1, 2, 3]) {
      const file = await ada.openai.files.create({
        file: await toFile(Buffer.from(`${n}`), `../Ümläut ${n}.txt`),
        purpose: n === 2 ? 'batch' : 'user_data',
      });
      valid('OpenAIFile', file);
      made.push(file);
    }
    expect(made.map(({ filename, bytes, status }) => [filename, bytes, status])).to.deep.equal(
      [1, 2, 3].map((n) => [`Ümläut ${n}.txt`, 1, 'processed']),
    );
    const { body } = await ada.call('GET', '/v1/files');
    valid('ListFilesResponse', body);
    expect(body).to.deep.equal({
      object: 'list',
      data: made.toReversed(),
      first_id: made[2]!.id,
      last_id: made[0]!.id,
      has_more: false,
    });
    const ids = async (query: object) => (await ada.openai.files.list(query)).data.map(({ id }) => id);
    expect(await ids({ limit: 1, order: 'asc', after: made[0]!.id })).to.deep.equal([made[1]!.id]);
    expect(await ids({ purpose: 'batch' })).to.deep.equal([made[1]!.id]);
    expect((await bob.openai.files.list()).data).to.deep.equal([]);
    expect(await ada.openai.files.retrieve(made[0]!.id)).to.deep.equal(made[0]);
    const content = await ada.call('GET', `/v1/files/${made[0]!.id}/content`);
    expect(content.headers.get('content-disposition')).to.equal(
      "attachment; filename*=UTF-8''%C3%9Cml%C3%A4ut%201.txt",
    );
    expect(content.headers.get('content-type')).to.equal('text/plain');
    for (const { id } of made) {
      const gone = await ada.openai.files.delete(id);
      valid('DeleteFileResponse', gone);
      expect(gone).to.deep.equal({ id, object: 'file', deleted: true });
    }
    for (const path of [`/v1/files/${made[0]!.id}`, `/v1/files/${made[0]!.id}/content`, '/v1/files/x'])
      expect((await ada.call('GET', path)).status).to.equal(404);
    expect(await objectCount()).to.equal(0);
  });

  it('must have the format in the path, under any name', async () => {
    const send = (format: string, content: Buffer, name: string): Promise<Answer> =>
      ada.call('POST', `/v1/files/${format}`, formOf({ file: [content, name], purpose: 'assistants' }));
    const text = Buffer.from('# Hi\n');
    const pdf = Buffer.from('%PDF-1.7\n%âãÏÓ\n', 'latin1');
    for (const [format, content, name, status] of [
      ['png', png, 'a.png', 200],
      ['png', png, 'a.pdf', 200],
      ['pdf', png, 'a.pdf', 400],
      ['pdf', pdf, 'a.pdf', 200],
      ['pdf', text, 'a.pdf', 400],
      ['markdowns', text, 'README.md', 200],
      ['markdowns', text, 'README.markdown', 200],
      ['markdowns', pdf, 'README.md', 400],
      ['txt', text, 'a.txt', 200],
      ['txt', png, 'a.txt', 400],
      ['txt', Buffer.from([0, 1, 2]), 'a.txt', 400],
      ['docx', text, 'a.docx', 400],
      ['docx', Buffer.from('504b0304140000000000', 'hex'), 'a.docx', 200],
    ] as const) {
      const answer = await send(format, content, name);
      expect(answer.status, `${format} ${name} ${JSON.stringify(answer.body)}`).to.equal(status);
      if (status === 200) await ada.openai.files.delete((answer.body as { id: string }).id);
      else valid('ErrorResponse', answer.body);
    }
    expect(await objectCount()).to.equal(0);
  });

  it('are refused with a bad form', async () => {
    const send = (form: FormData) => ada.call('POST', '/v1/files', form);
    const file: [Buffer, string] = [Buffer.from('x'), 'a.txt'];
    for (const [form, param] of [
      [formOf({ file }), 'purpose'],
      [formOf({ file, purpose: 'fun' }), 'purpose'],
      [formOf({ file: [file[0], ' '], purpose: 'batch' }), 'file'],
      [formOf({ purpose: 'batch' }), null],
      [formOf({ files: file, purpose: 'batch' }), null],
      [formOf({ file, purpose: 'batch', 'expires_after[anchor]': 'created_at' }), 'expires_after.seconds'],
    ] as const)
      expect(told(await send(form)).filter((_, at) => at !== 1)).to.deep.equal([400, param]);
    const expiring = { 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '3600' };
    const kept = (await send(formOf({ file, purpose: 'batch', ...expiring }))).body as {
      id: string;
      created_at: number;
      expires_at: number;
    };
    valid('OpenAIFile', kept);
    expect(kept.expires_at).to.equal(kept.created_at + 3600);
    await ada.openai.files.delete(kept.id);
    expect((await ada.call('POST', '/v1/files', { file: 'x' })).status).to.equal(415);
    const bad = { 'content-type': 'multipart/form-data' };
    expect((await ada.call('POST', '/v1/files', 'x', bad)).status).to.equal(400);
    const broken = { 'content-type': 'multipart/form-data; boundary=b' };
    for (const body of [
      '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhalf',
      '',
      '--b--',
    ])
      expect((await ada.call('POST', '/v1/files', body, broken)).status, body).to.equal(400);
    expect(await objectCount()).to.equal(0);
  });
});
