import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import type { Device } from '../../lib/devices/device.ts';
import { parseRules } from '../../lib/devices/parse-rules.ts';
import { RuleBooks } from '../../lib/devices/rule-books.ts';
import type { RuleBook } from '../../lib/devices/rules.ts';
import { rejection } from '../support/refusal.ts';

const list = (decision: string): JsonObject => ({ calls: [{ decision }] });
const now = new Date();
const decisionOf = (book: RuleBook): string =>
  book.decide({ tool: 't', operation: 't', effect: 'write', risk: 'normal', arguments: {} }, now).decision;

describe('the books of rules', () => {
  let asked: string[];
  let books: RuleBooks;
  beforeEach(() => {
    asked = [];
    const version = (name: string, number: number): Promise<Device | undefined> => {
      asked.push(`${name}@${number}`);
      const counted: JsonObject = { limits: [{ maxCalls: 1, perSeconds: 60 }, { minIntervalSeconds: 90 }] };
      const rules = number === 2 ? { ...list('ask'), ...counted } : undefined;
      const definition = { name, openSpec: '{}', ...(rules && { rules }) };
      return Promise.resolve(number > 2 ? undefined : ({ name, version: number, definition } as Device));
    };
    books = new RuleBooks({ version }, 'UTC');
  });

  it('hold the rules of the version of a device, compiled once', async () => {
    const first = await books.bookFor({ name: 'desk', version: 1 });
    expect(decisionOf(first)).to.equal('allow');
    expect(decisionOf(await books.bookFor({ name: 'desk', version: 2 }))).to.equal('ask');
    expect(await books.bookFor({ name: 'desk', version: 1 })).to.equal(first);
    expect(asked).to.deep.equal(['desk@1', 'desk@2']);
  });

  it('hold the rules of the session, too, which can only tighten', async () => {
    const rules = list('deny');
    const device = { name: 'desk', version: 2 };
    const book = await books.bookFor(device, rules);
    expect(decisionOf(book)).to.equal('deny');
    expect(await books.bookFor(device, rules)).to.equal(book);
    expect(decisionOf(await books.bookFor(device, list('allow')))).to.equal('ask');
    expect(decisionOf(await books.bookFor(undefined, rules))).to.equal('deny');
  });

  it('know the longest time over which their limits count', async () => {
    const devices = [
      { name: 'desk', version: 1 },
      { name: 'shelf', version: 2 },
    ];
    expect([await books.countedMs([]), await books.countedMs(devices)]).to.deep.equal([0, 90_000]);
    books.setServerRules(parseRules({ limits: [{ maxCalls: 9, perSeconds: 100 }] }, ''));
    expect(await books.countedMs(devices)).to.equal(100_000);
  });

  it('hold new rules of the server from the next call on', async () => {
    expect(decisionOf(await books.bookFor(undefined))).to.equal('allow');
    books.setServerRules(parseRules(list('dry_run'), ''));
    expect(decisionOf(await books.bookFor(undefined))).to.equal('dry_run');
    expect(decisionOf(await books.bookFor({ name: 'desk', version: 1 }))).to.equal('dry_run');
  });

  it('are refused for a version that never was: no call goes without its rules', async () => {
    const error = await rejection(books.bookFor({ name: 'desk', version: 3 }));
    expect((error as Error).message).to.equal('there is no version 3 of desk');
  });
});
