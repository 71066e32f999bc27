import { expect } from 'chai';
import { unobserved } from '../../lib/core/observer.ts';
import { OwnedTask, transition, type TaskEvent, type TaskState } from '../../lib/core/owned-task.ts';
import { say } from '../support/world.ts';

const states: TaskState[] = [
  'waiting',
  'running',
  'calling',
  'stopping',
  'leaving',
  'detached',
  'ended',
  'left',
];
const events: TaskEvent[] = [
  'slot_free',
  'calls_asked',
  'calls_done',
  'end',
  'run_over',
  'stop',
  'too_long',
  'leave',
  'clear',
  'lost',
];

describe('the states of a task', () => {
  it('are left by the events of the table at the head of owner.ts, and by no other', () => {
    const moves = states.flatMap((state) =>
      events.flatMap((event) => {
        const next = transition(state, event);
        return next === state ? [] : [`${state} ${event} ${next}`];
      }),
    );
    expect(moves).to.deep.equal([
      'waiting slot_free running',
      'waiting stop ended',
      'waiting leave left',
      'waiting clear ended',
      'waiting lost left',
      'running calls_asked calling',
      'running end ended',
      'running stop stopping',
      'running too_long stopping',
      'running leave leaving',
      'running clear detached',
      'running lost detached',
      'calling calls_done running',
      'calling end ended',
      'calling stop stopping',
      'calling too_long stopping',
      'calling leave leaving',
      'calling clear detached',
      'calling lost detached',
      'stopping end ended',
      'stopping clear detached',
      'stopping lost detached',
      'leaving end ended',
      'leaving run_over left',
      'leaving clear detached',
      'leaving lost detached',
      'detached run_over ended',
    ]);
  });

  it('keep the first reason of an interruption, and abort the run with its error', () => {
    const task = new OwnedTask(
      { taskId: 'a', ...say('go') },
      5000,
      unobserved.task({ sessionId: 's', taskId: 'a', owner: 'o' }),
    );
    task.move('slot_free');
    task.interrupt('too_long');
    task.interrupt('stop');
    expect([task.state, task.ending, String(task.signal.reason)]).to.deep.equal([
      'stopping',
      'too_long',
      'AppError: The task was ended after 5000 ms (TASK_TIMEOUT_MS).',
    ]);
  });
});
