import { expect } from 'chai';
import { Pulse } from '../../lib/server/pulse.ts';

const BEAT = 30_000;

/** Beats in a row, each with what the socket had done by then; whether the peer counts as alive after each. */
function beats(
  pulse: Pulse,
  flows: { read?: number; taken?: number; behind?: boolean; pong?: number }[],
): boolean[] {
  return flows.map(({ read = 0, taken = 0, behind = false, pong }, index) => {
    if (pong !== undefined) pulse.pong(pong);
    return pulse.beat((index + 1) * BEAT, { read, taken, behind });
  });
}

function start(): Pulse {
  return new Pulse(0, { read: 0, taken: 0, behind: false });
}

describe('the pulse of a socket', () => {
  it('goes on while pongs come', () => {
    expect(beats(start(), [{ read: 0 }, { read: 6 }, { read: 12 }, { read: 18 }])).to.deep.equal([
      true,
      true,
      true,
      true,
    ]);
  });

  it('ends when two pings in a row were missed', () => {
    expect(beats(start(), [{}, {}, {}])).to.deep.equal([true, true, false]);
    expect(beats(start(), [{}, {}, { read: 6 }, { read: 6 }, { read: 6 }])).to.deep.equal([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('stays alive while a slow peer takes waiting bytes, and asks for no ping then', () => {
    const pulse = start();
    const flows = Array.from({ length: 9 }, (_, at) => ({ taken: 1000 * at, behind: true }));
    expect(beats(pulse, flows)).to.deep.equal(flows.map(() => true));
    expect(pulse.wantsPing).to.equal(false);
    pulse.beat(10 * BEAT, { read: 0, taken: 9000, behind: false });
    expect(pulse.wantsPing).to.equal(true);
  });

  it('gives a peer time to read unconfirmed bytes, at 1 kB a second', () => {
    const unread = { taken: 200_000 };
    // 200 kB are 200 seconds: the seventh beat is at 210.
    expect(
      beats(
        start(),
        Array.from({ length: 7 }, () => unread),
      ),
    ).to.deep.equal([true, true, true, true, true, true, false]);
    expect(beats(start(), [{ ...unread, pong: 199_000 }, unread, unread])).to.deep.equal([true, true, false]);
  });

  it('is not fooled by pongs that say nothing', () => {
    const pulse = start();
    for (const position of [Number.NaN, -1, Number.POSITIVE_INFINITY]) pulse.pong(position);
    expect(beats(pulse, [{}, {}, {}])).to.deep.equal([true, true, false]);
  });
});
