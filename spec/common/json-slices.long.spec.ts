import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { checkLoop, startWatchdog } from '../support/loop-watchdog.ts';
import { rejection } from '../support/refusal.ts';
import fc from 'fast-check';
import { JsonLimitError } from '../../lib/common/json-scanner.ts';
import { parseJsonInSlices, parseWithoutProto } from '../../lib/common/json-slices.ts';
import { LongText, type LongTextValue } from '../../lib/common/long-text.ts';
import { isLargeValue, jsonSlicesOf } from '../../lib/common/write-json-slices.ts';

/** Two of them are longer than a slice. */
const long = 'x'.repeat(50_000);

/** The value or the kind of error of a parser. */
async function outcomeOf(parse: () => unknown): Promise<unknown> {
  try {
    return await parse();
  } catch (error) {
    return error instanceof SyntaxError ? 'SyntaxError' : error;
  }
}

describe('JSON in slices', () => {
  const values: [string, unknown][] = [
    ['a list of long texts', [long, long, long, long]],
    ['an object of long texts', { a: long, b: [long, { c: long, d: [long] }], e: long }],
    ['many small members', Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => [`k${at}`, at]))],
    ['a list of many objects', Array.from({ length: 30_000 }, (_, at) => ({ at, s: '"\\,}]', e: [] }))],
    ['a long text', `${long}${long}"\\`],
    ['empty containers between long ones', [[], {}, long, [], long, {}, [[[{}]]]]],
  ];
  for (const [name, value] of values)
    it(`parses ${name}`, async () => {
      for (const space of [undefined, 1])
        expect(await parseJsonInSlices(JSON.stringify(value, undefined, space))).to.deep.equal(value);
    });

  it('parses and refuses what JSON.parse does', async () => {
    const json = fc
      .json({ maxDepth: 4 })
      .map((text) => `{"l":${JSON.stringify(long + long)},"v":[${text},${text}]}`);
    await fc.assert(
      fc.asyncProperty(
        json,
        fc.nat(60),
        fc.constantFrom('', ',', ']', '}', '"', ':', '1', '\\'),
        async (text, back, piece) => {
          const at = text.length - back;
          const changed = `${text.slice(0, at)}${piece}${text.slice(at)}`;
          expect(await outcomeOf(() => parseJsonInSlices(changed))).to.deep.equal(
            await outcomeOf(() => JSON.parse(changed) as unknown),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('writes what JSON.stringify does, and parses it, also where a long text is cut', async () => {
    for (const sign of ['🙂', '\\', '"', '\n', '\u0001', '\ud83d', '\ude42\ud83d'])
      for (let shift = 0; shift < 7; shift += 1) {
        const text = `${'a'.repeat(shift)}${sign.repeat(300_000 / sign.length)}`;
        for (const value of [text, { a: [text, 1] }]) {
          const slices = await jsonSlicesOf(value);
          expect(slices.length).to.be.above(1);
          expect(slices.join('') === JSON.stringify(value), `${sign} ${shift}`).to.equal(true);
          const parsed = await parseJsonInSlices(slices.join(''));
          expect(isDeepStrictEqual(parsed, value), `${sign} ${shift}`).to.equal(true);
        }
      }
  }).timeout(120_000);

  it('parses a text that came in pieces', async () => {
    const value = { a: [long, '\u0000"\\🙂'.repeat(30_000)], b: { c: long, d: [[], {}, 1.5, null] } };
    const text = JSON.stringify(value, undefined, 1);
    for (const length of [1, 4097, 65_536, 200_000]) {
      const parts = Array.from({ length: Math.ceil(text.length / length) }, (_, at) =>
        text.slice(at * length, (at + 1) * length),
      );
      expect(await parseJsonInSlices(LongText.of(parts)), `pieces of ${length}`).to.deep.equal(value);
    }
  });

  it('leaves long values under some keys as the pieces of their texts', async () => {
    const object = { keys: [long, long], '"}': ['\\', '"', ']'] };
    const text = 'a"\\🙂\n'.repeat(40_000);
    const value = {
      list: [{ text: object }, { text }, { text: 'short' }, { text: { short: 1 } }, { other: text }],
    };
    const read = (await parseJsonInSlices(JSON.stringify(value), { inPieces: ['text'] })) as {
      list: { text: LongTextValue }[];
    };
    const [first, second, ...rest] = read.list;
    expect(JSON.parse(first!.text.textPieces.join(''))).to.deep.equal(object);
    expect([second!.text.textPieces.join('') === text, second!.text.textPieces.length > 1]).to.deep.equal([
      true,
      true,
    ]);
    expect(rest).to.deep.equal(value.list.slice(2));
  });

  it('refuses an object with over 200,000 members where strangers send it', async () => {
    const text = (count: number): string =>
      `[{${Array.from({ length: count }, (_, at) => `"k${at}":0`).join(',')}}]`;
    const [most] = (await parseJsonInSlices(text(200_000), { limitsMembers: true })) as object[];
    expect(Object.keys(most!)).to.have.length(200_000);
    expect(await outcomeOf(() => parseJsonInSlices(text(200_001)))).to.be.an('array');
    const error = await outcomeOf(() => parseJsonInSlices(text(200_001), { limitsMembers: true }));
    expect(error).to.be.instanceOf(JsonLimitError);
    expect((error as Error).message).to.equal('An object has more than 200000 members.');
  });

  const length = 20_000_000;
  const wide: [string, string, string][] = [
    ['white space', `{"a":1,${' '.repeat(length)}"b":2}`, 'White space has more than 65536 characters.'],
    ['a number', `{"a":1,"b":${'1'.repeat(length)}}`, 'A number has more than 65536 characters.'],
    ['a key', `{"a":1,"${'b'.repeat(length)}":2}`, 'A key has more than 65536 characters.'],
    ['a text of quotation marks', `{"a":1,"text":{"b":"${'\\"'.repeat(length / 2)}"}}`, 'object'],
  ];
  for (const [name, text, outcome] of wide)
    it(`lets other work run while it passes ${name} of 20 MB`, async () => {
      const given = LongText.of(
        Array.from({ length: 400 }, (_, at) => text.slice(at * 51_000, (at + 1) * 51_000)),
      );
      const watchdog = startWatchdog();
      try {
        const read = await outcomeOf(() => parseJsonInSlices(given, { inPieces: ['text'] }));
        expect(read instanceof Error ? read.message : typeof read).to.equal(outcome);
        checkLoop(watchdog.take(), name);
      } finally {
        watchdog.stop();
      }
    });

  it('knows a large value', () => {
    const values = [
      long,
      [long, long],
      { a: { b: long + long } },
      Array.from({ length: 200_000 }, () => ({})),
      { a: 1 },
      null,
    ];
    expect(values.map((value) => isLargeValue(value))).to.deep.equal([false, true, true, true, false, false]);
  });

  const large = `"l":"${long}${long}"`;
  for (const text of [
    `{${large},}`,
    `{${large}]`,
    `[{${large}},]`,
    `{${large} "a":1}`,
    `{,${large}}`,
    `{${large}`,
  ])
    it(`refuses ${text.replaceAll(long, '…')}`, async () => {
      expect(await outcomeOf(() => parseJsonInSlices(text))).to.equal('SyntaxError');
    });

  it('leaves a key `__proto__` out that is written with any escapes', () => {
    for (const key of ['__proto__', '\\u005f_proto_\\u005F', '__pr\\u006ft\\u006F__', '__\\u0070roto__'])
      expect(Object.keys(parseWithoutProto(`{"${key}":{"a":1},"b":2}`) as object), key).to.deep.equal(['b']);
  });

  it('keeps the last of two values under one key, and the key `__proto__` as a key or not at all', async () => {
    const text = `{"a":1,${large},"__proto__":{"x":1},"a":2}`;
    const kept = (await parseJsonInSlices(text)) as object;
    expect([Object.keys(kept), Object.getPrototypeOf(kept)]).to.deep.equal([
      ['a', 'l', '__proto__'],
      Object.prototype,
    ]);
    const dropped = await parseJsonInSlices(text, { dropsProto: true });
    expect(dropped).to.deep.equal({ a: 2, l: long + long });
  });

  it('refuses a value that is too deep', async () => {
    const deep = `{${large},"d":${'['.repeat(10)}${']'.repeat(10)}}`;
    expect(await parseJsonInSlices(deep, { depthMax: 11 })).to.have.property('d');
    const error = await outcomeOf(() => parseJsonInSlices(deep, { depthMax: 10 }));
    expect(error).to.be.instanceOf(RangeError);
  });

  it('counts the lists and objects of all slices', async () => {
    for (const text of [
      `{${large},"d":[${'{},'.repeat(9)}[]]}`,
      `{${large},"d":[[[[[[[[[[[]]]]]]]]]]]}`,
      `[${'{"a":[]},'.repeat(5)}${JSON.stringify(long + long)}]`,
    ]) {
      let counted = 0;
      const value = await parseJsonInSlices(text, { onContainers: (count) => (counted += count) });
      expect(value).to.deep.equal(JSON.parse(text));
      expect(counted).to.equal(text.match(/[[{]/g)!.length - 1); // the large one around them is opened without a count
    }
  });

  it('lets other work run', async () => {
    const text = JSON.stringify(Array.from({ length: 300_000 }, (_, at) => ({ at, text: `text ${at}` })));
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    await parseJsonInSlices(text);
    clearInterval(timer);
    expect(turns).to.be.above(5);
  });

  it('refuses a large text that is nested deeply, before it has read each level', async function () {
    this.timeout(20_000);
    const megabytes = 2 * 1024 * 1024;
    for (const text of ['['.repeat(megabytes), '{"a":'.repeat(megabytes / 4)])
      expect(await rejection(parseJsonInSlices(text))).to.be.instanceOf(RangeError);
    const large = JSON.stringify('x'.repeat(300_000));
    const deep = `${'['.repeat(60)}${large}${']'.repeat(60)}`;
    expect(await parseJsonInSlices(deep)).to.deep.equal(JSON.parse(deep));
  });
});
