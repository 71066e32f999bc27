import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../lib/package.ts';
import { texts } from '../../lib/console/texts/texts.ts';
import { readSources } from '../support/sources.ts';

describe('the texts of the console', () => {
  const values = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

  it('have every key in both languages', () => {
    expect(Object.keys(texts.zh)).to.deep.equal(Object.keys(texts.en));
  });

  it('have the same values in both languages', () => {
    const inEnglish = Object.entries(texts.en).map(([key, text]) => [key, values(text)]);
    expect(Object.entries(texts.zh).map(([key, text]) => [key, values(text)])).to.deep.equal(inEnglish);
  });

  it('are not empty, and are not English in Chinese', () => {
    const same = Object.entries(texts.zh).filter(
      ([key, text]) => text === texts.en[key as keyof typeof texts.en],
    );
    expect(same).to.deep.equal([]);
    expect([...Object.values(texts.en), ...Object.values(texts.zh)]).to.not.include('');
  });

  it('are those that the manual names', () => {
    const page = readFileSync(join(packageRoot(), 'lib/docs/console.md'), 'utf8');
    const named = [...page.matchAll(/"([^"]+)"/g)].map(([, text]) => text);
    expect(Object.values(texts.en)).to.include.members(named);
    expect(named).to.have.length.above(3);
  });

  it('are all on a page', () => {
    const sources = readSources(packageRoot(), ['lib/console'])
      .filter(({ path }) => !path.includes('/texts/'))
      .map(({ text }) => text)
      .join('\n');
    const missing = Object.keys(texts.en).filter((key) => !sources.includes(`'${key}'`));
    expect(missing).to.deep.equal([]);
  });
});
