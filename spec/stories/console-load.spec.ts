import { expect } from 'chai';
import { openConsoleApp } from '../support/console.ts';
import { useVisits } from '../support/console-visit.ts';
import type { TestApp } from '../support/app.ts';

/** More than 50 envelopes a second for some seconds: a task with one call has 13. */
const TASKS_COUNT = 40;
/** The share of the time in which long tasks may hold the page. A page that draws each envelope by itself is above it. */
const HELD_MAX_SHARE = 0.5;

interface Measured {
  ms: number;
  heldMs: number;
  longestMs: number;
}

describe('the console under load', function () {
  this.timeout(120_000);
  const visit = useVisits();
  let app: TestApp;
  afterEach(() => app?.close());

  it('stays usable while hundreds of envelopes come', async () => {
    app = await openConsoleApp();
    const { page, button, faults } = await visit(app.url);
    await button('Lights of a house').click();
    await page.getByText('Live').first().waitFor();
    const id = new URL(page.url()).hash.split('/').at(-1)!;
    await page.evaluate(`
      window.began = performance.now();
      window.long = [];
      new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)))
        .observe({ type: 'longtask' });`);
    const other = await app.chat(id);
    for (let n = 0; n < TASKS_COUNT; n++) other.say('Turn on the kitchen light');
    // Somebody types meanwhile.
    const field = page.getByLabel('Message', { exact: true });
    await field.pressSequentially('Good evening');
    expect(await field.inputValue()).to.equal('Good evening');
    await other.tasksEnded(TASKS_COUNT);
    await other.close();
    const turns = page.locator('.turn');
    await page.locator(`.rows-row[aria-setsize="${TASKS_COUNT}"]`).last().waitFor();
    await turns.last().locator('.answer', { hasText: 'Done' }).waitFor();
    const { ms, heldMs, longestMs } = await page.evaluate<Measured>(`({
      ms: performance.now() - began,
      heldMs: long.reduce((sum, duration) => sum + duration, 0),
      longestMs: Math.max(0, ...long),
    })`);
    const envelopes = (await app.history(id)).length;
    const shown = `${envelopes} envelopes in ${Math.round(ms)} ms: held ${Math.round(heldMs)} ms, longest ${Math.round(longestMs)} ms`;
    expect(envelopes, shown).to.be.above(10 * TASKS_COUNT);
    expect(heldMs / ms, shown).to.be.below(HELD_MAX_SHARE);
    expect(longestMs, shown).to.be.below(1000);
    expect(faults).to.deep.equal([]);
  });
});
