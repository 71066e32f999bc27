import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { completeArguments } from '../../lib/core/complete-arguments.ts';

const schema: JsonObject = {
  type: 'object',
  required: ['room', 'mode', 'place'],
  properties: {
    room: { type: 'string' },
    mode: { type: 'string', default: 'auto' },
    unit: { type: 'string' },
    note: { type: ['string', 'null'] },
    old: { type: 'string', nullable: true },
    choice: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    step: { enum: [1, 2] },
    any: {},
    place: { $ref: '#/$defs/place' },
    list: { type: 'array', items: { $ref: '#/$defs/place' } },
  },
  $defs: {
    place: {
      type: 'object',
      required: ['floor'],
      properties: { floor: { type: 'integer', default: 0 }, door: { type: 'string' } },
    },
  },
};
const complete = (args: JsonObject) => completeArguments(schema, args);

describe('the arguments of a call', () => {
  it('lose null where an optional property does not allow it, and keep it where it is allowed', () => {
    const args = { room: 'bath', mode: 'cool', place: { floor: 1 } };
    const nulls = { unit: null, step: null, note: null, old: null, choice: null, any: null };
    expect(complete({ ...args, ...nulls })).to.deep.equal({
      ...args,
      note: null,
      old: null,
      choice: null,
      any: null,
    });
  });

  it('keep null for a required property, so that the check refuses it', () => {
    expect(complete({ room: null, mode: null, place: null })).to.deep.equal({
      room: null,
      mode: null,
      place: null,
    });
  });

  it('are completed by every part of allOf, where one part requires a property that another describes', () => {
    const lamp: JsonObject = {
      type: 'object',
      required: ['mode'],
      allOf: [
        { $ref: '#/$defs/base' },
        { allOf: [{ required: ['place'], properties: { place: { type: 'string', default: 'hall' } } }] },
      ],
      $defs: {
        base: { properties: { mode: { type: 'string', default: 'auto' }, unit: { type: 'string' } } },
      },
    };
    const list: JsonObject = { type: 'array', items: { allOf: [lamp] } };
    const whole = { type: 'object', properties: { lamp, list }, $defs: lamp['$defs']! };
    expect(completeArguments(whole, { lamp: { unit: null }, list: [{ mode: 'cool' }] })).to.deep.equal({
      lamp: { mode: 'auto', place: 'hall' },
      list: [{ mode: 'cool', place: 'hall' }],
    });
  });

  it('are completed once where a schema refers to itself in allOf', () => {
    const circle: JsonObject = {
      properties: { a: { type: 'string' } },
      allOf: [{ $ref: '#' }, { $ref: '#' }],
    };
    expect(completeArguments(circle, { a: null, b: 1 })).to.deep.equal({ b: 1 });
  });

  it('are completed at once where the schema of a null value refers to itself twice', () => {
    const twice: JsonObject = { allOf: [{ $ref: '#/$defs/twice' }, { $ref: '#/$defs/twice' }] };
    const whole = { properties: { a: { $ref: '#/$defs/twice' } }, $defs: { twice } };
    expect(completeArguments(whole, { a: null })).to.deep.equal({ a: null });
  });

  it('get the default of a required property that is missing, at every depth', () => {
    expect(
      complete({ room: 'bath', place: { door: null }, list: [{ door: 'a' }, { floor: 2 }] }),
    ).to.deep.equal({
      room: 'bath',
      mode: 'auto',
      place: { floor: 0 },
      list: [{ door: 'a', floor: 0 }, { floor: 2 }],
    });
  });

  it('are the same object when nothing has to change', () => {
    const args = { room: 'bath', mode: 'cool', place: { floor: 1 }, more: null };
    expect(complete(args)).to.equal(args);
  });

  it('of a schema that leads to itself are completed to a depth, and no further', () => {
    const endless: JsonObject = {
      type: 'object',
      properties: { next: { $ref: '#' }, gone: { type: 'string' } },
    };
    let args: JsonObject = { gone: null };
    for (let depth = 0; depth < 100; depth += 1) args = { next: args };
    expect(JSON.stringify(completeArguments(endless, args))).to.contain('"gone":null');
    expect(completeArguments(endless, { next: { gone: null } })).to.deep.equal({ next: {} });
    expect(completeArguments({ $ref: '#' }, { a: null })).to.deep.equal({ a: null });
  });
});
