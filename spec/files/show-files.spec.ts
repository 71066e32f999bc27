import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import type { Content } from '../../lib/core/message.ts';
import { openDiskStore } from '../../lib/files/disk-store.ts';
import { openFileRoom, type FileRoom } from '../../lib/files/index.ts';
import { showFiles } from '../../lib/files/show-files.ts';
import { createUrlSigner } from '../../lib/files/url-signer.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const wav = Buffer.from('524946462400000057415645666d7420100000000100010044ac000088580100', 'hex');
const mp3 = Buffer.concat([
  Buffer.from('ID3\x03\0\0\0\0\0\0'),
  Buffer.from('fffb9064', 'hex'),
  Buffer.alloc(600),
]);

describe('a model with files', () => {
  let database: Database;
  let folder: string;
  let room: FileRoom;
  before(async () => {
    const onError = (error: unknown): never => {
      throw error;
    };
    database = await connectDatabase({ databaseUrl: 'sqlite::memory:', onError });
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-shown-'));
    const limits = {
      fileMaxBytes: 1e6,
      filesPerOwnerMaxBytes: 1e6,
      uploadMaxBytes: 1e6,
      uploadPartMaxBytes: 1e6,
    };
    const objects = openDiskStore(folder, createUrlSigner('secret'));
    room = openFileRoom({ db: database.tables(), objects, fetch, limits, onError });
  });
  after(async () => {
    await room.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const keep = async (content: Buffer, filename: string): Promise<string> => {
    const describeIt = async () => ({ filename, purpose: 'vision' });
    return (await room.files.create('ada', Readable.from([content], { objectMode: false }), describeIt)).id;
  };

  it('gets pictures and sound as data, texts as text, other files by name, and a note for a deleted file', async () => {
    const ids = [
      await keep(png, 'a.png'),
      await keep(wav, 'a.wav'),
      await keep(mp3, 'a.mp3'),
      await keep(Buffer.from('hello'), 'a.txt'),
      await keep(Buffer.from([0, 1, 2]), 'a.bin'),
      await keep(png, 'gone.png'),
    ];
    await room.files.remove(ids[5]!, { id: 'ada', kind: 'user' });
    const scripted = createScriptedModel([{ text: 'one' }, { text: 'two' }]);
    const withFiles = showFiles(room.files);
    const files = ids.map((fileId): Content => ({ type: 'file', fileId, detail: 'low' }));
    const message = { role: 'user' as const, content: [{ type: 'text' as const, text: 'Look.' }, ...files] };
    const request = { messages: [message], tools: [] };
    const signal = new AbortController().signal;
    await withFiles(scripted).reply(request, { signal });
    await withFiles(scripted).reply(request, { signal });
    expect(scripted.requests[0]?.messages).to.deep.equal([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look.' },
          { type: 'image', url: `data:image/png;base64,${png.toString('base64')}`, detail: 'low' },
          { type: 'audio', data: wav.toString('base64'), format: 'wav' },
          { type: 'audio', data: mp3.toString('base64'), format: 'mp3' },
          {
            type: 'text',
            text: '[file "a.txt", text/plain]\nhello\n[end of file "a.txt"]',
          },
          {
            type: 'text',
            text: '[the file "a.bin", application/octet-stream, 3 bytes, is attached; its content is not shown here]',
          },
          { type: 'text', text: '[a file was here that has been deleted]' },
        ],
      },
    ]);
    // Read once for both models: the same message is the same for the encoder, too.
    expect(scripted.requests[1]?.messages[0]).to.equal(scripted.requests[0]?.messages[0]);
    expect(message.content[1]).to.deep.equal(files[0]);
  });

  it('gets a conversation without files unchanged', async () => {
    const scripted = createScriptedModel([{ text: 'one' }]);
    const messages = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Hi.' }] }];
    await showFiles(room.files)(scripted).reply(
      { messages, tools: [] },
      { signal: new AbortController().signal },
    );
    expect(scripted.requests[0]?.messages[0]).to.equal(messages[0]);
  });
});
