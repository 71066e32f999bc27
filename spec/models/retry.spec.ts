import { expect } from 'chai';
import { retryDelay } from '../../lib/models/retry.ts';

describe('the wait before another try', () => {
  const after = (status: number | undefined, headers: Record<string, string> = {}, tries = 1) =>
    retryDelay({ status, headers: new Headers(headers) }, tries);

  it('doubles from half a second, a quarter less at most', () => {
    expect(after(503, {}, 1)).to.be.within(375, 500);
    expect(after(503, {}, 2)).to.be.within(750, 1_000);
    expect(after(503, {}, 3)).to.equal(undefined);
  });

  it('is the wait that the endpoint asks for', () => {
    expect(after(429, { 'retry-after': '7' })).to.equal(7_000);
    expect(after(429, { 'retry-after': '7', 'retry-after-ms': '12.5' })).to.equal(12.5);
    expect(after(429, { 'retry-after': new Date(Date.now() + 5_000).toUTCString() })).to.be.within(
      3_000,
      5_000,
    );
    expect(after(429, { 'retry-after': 'soon' })).to.be.within(375, 500);
    expect(after(429, { 'retry-after': new Date(0).toUTCString() })).to.equal(0);
  });

  it('follows a missing answer and passing faults, not lasting ones', () => {
    const tried = [undefined, 408, 409, 429, 500, 503].map((status) => after(status) !== undefined);
    expect(tried).to.deep.equal([true, true, true, true, true, true]);
    const not = [307, 400, 401, 403, 404, 413, 422].map((status) => after(status));
    expect(not).to.deep.equal(not.map(() => undefined));
    expect(after(400, { 'x-should-retry': 'true' })).to.be.within(375, 500);
    expect(after(503, { 'x-should-retry': 'false' })).to.equal(undefined);
  });
});
