import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { AppError } from '../../lib/errors.ts';
import { BodyRoom } from '../../lib/server/body-room.ts';

const KiB = 1024;

describe('the room for large bodies', () => {
  const response = () => new EventEmitter() as ServerResponse;

  /** Whether there was room, or the code of the refusal. */
  function take(share: { take(bytes: number): void }, bytes: number): string {
    try {
      share.take(bytes);
      return 'taken';
    } catch (error) {
      return (error as AppError).code;
    }
  }

  it('gives one caller half of it, and all of it to several', () => {
    const room = new BodyRoom(1000 * KiB);
    const [first, second] = [response(), response()];
    expect(take(room.open('ann', first), 464 * KiB)).to.equal('taken'); // 64 KiB of it are free
    expect(take(room.open('ann', response()), 165 * KiB)).to.equal('too_many_requests');
    expect(take(room.open('bob', second), 464 * KiB)).to.equal('taken');
    expect(take(room.open('eve', response()), 265 * KiB)).to.equal('unavailable');
    first.emit('close');
    expect(take(room.open('eve', response()), 265 * KiB)).to.equal('taken');
    second.emit('close');
  });

  it('counts a body as it comes, lets a single one be larger than a half, and counts no small one', () => {
    const room = new BodyRoom(1000 * KiB);
    const one = room.open('ann', response());
    const found = Array.from({ length: 12 }, () => take(one, 100 * KiB));
    expect(found).to.deep.equal([...Array.from({ length: 10 }, () => 'taken'), 'too_large', 'too_large']);
    expect(take(room.open('ann', response()), 64 * KiB)).to.equal('taken');
    expect(take(room.open('bob', response()), 64 * KiB)).to.equal('taken');
  });

  it('gives no room to the body of a client that has left', () => {
    const room = new BodyRoom(1000 * KiB);
    const gone: ServerResponse & { closed: boolean } = Object.assign(response(), { closed: false });
    const share = room.open('ann', gone);
    expect(take(share, 200 * KiB)).to.equal('taken');
    gone.closed = true;
    gone.emit('close');
    expect(take(share, 200 * KiB)).to.equal('stopped');
    expect(take(room.open('ann', response()), 1000 * KiB)).to.equal('taken');
  });
});
