import { expect } from 'chai';
import type { JsonValue } from '../../../../lib/common/json.ts';
import { AppError } from '../../../../lib/errors.ts';
import { membersByList, Resources, pathOf } from '../../../../lib/openspec/openapi/simulator/resources.ts';

const firsts: Record<string, JsonValue> = {
  '/rooms': { total: 1, items: [{ name: 'hall', lamp: { on: false } }] },
  '/rooms/{room}': { name: 'x', lamp: { on: false }, size: 20 },
  '/rooms/{room}/lamp': { on: false, watts: 5 },
  '/tags': ['a', 'b'],
};

describe('resources of a simulated HTTP device', () => {
  let resources: Resources;
  beforeEach(() => {
    const all = Object.entries(firsts).map(([template, value]) => ({ template, first: () => value }));
    resources = new Resources(all, membersByList([...Object.keys(firsts), '/tags/{tag}']));
  });
  const hall = { room: 'hall' };

  it('show a change below a member in its list, and the other way round', () => {
    resources.set('/rooms/{room}/lamp', hall, { on: true, watts: 9 });
    expect(resources.get('/rooms/{room}', hall)).to.deep.equal({
      name: 'hall',
      lamp: { on: true, watts: 9 },
      size: 20,
    });
    resources.set('/rooms/{room}', hall, { name: 'hall', lamp: { on: false }, size: 30 });
    expect(resources.get('/rooms', {})).to.deep.equal({
      total: 1,
      items: [{ name: 'hall', lamp: { on: false } }],
    });
    resources.set('/rooms', {}, { total: 1, items: [{ name: 'attic', lamp: { on: true } }] });
    expect(resources.get('/rooms/{room}', { room: 'attic' })).to.deep.equal({
      name: 'attic',
      lamp: { on: true },
      size: 20,
    });
    expect(resources.get('/rooms/{room}/lamp', { room: 'attic' })).to.deep.equal({ on: true, watts: 5 });
  });

  it('are deleted with the resource above them, and exist again when they are put back', () => {
    resources.set('/rooms/{room}/lamp', hall, { on: true, watts: 9 });
    resources.remove('/rooms/{room}', hall);
    expect([resources.get('/rooms/{room}', hall), resources.get('/rooms/{room}/lamp', hall)]).to.deep.equal([
      undefined,
      undefined,
    ]);
    expect([resources.isGone('/rooms/{room}/lamp', hall), resources.isGone('/rooms', {})]).to.deep.equal([
      true,
      false,
    ]);
    expect(resources.get('/rooms', {})).to.deep.equal({ total: 1, items: [] });
    resources.set('/rooms/{room}', hall, { name: 'hall' });
    expect(resources.isGone('/rooms/{room}', hall)).to.equal(false);
    expect(resources.changed()).to.deep.equal({
      '/rooms': { total: 1, items: [{ name: 'hall' }] },
      '/rooms/hall': { name: 'hall' },
    });
  });

  it('may be plain values in a list', () => {
    expect(resources.get('/tags/{tag}', { tag: 'b' })).to.equal('b');
    resources.remove('/tags/{tag}', { tag: 'a' });
    expect(resources.get('/tags', {})).to.deep.equal(['b']);
  });

  it('are so many and no more', () => {
    const fill = (): void => {
      for (let n = 0; n <= 10_000; n++)
        resources.set('/rooms/{room}/lamp', { room: String(n) }, { on: true });
    };
    expect(fill).to.throw(AppError, 'holds 10000 values').with.property('code', 'limit_reached');
  });

  it('have paths that no value can leave', () => {
    expect(pathOf('/rooms/{room}/lamp', { room: '../a b' })).to.equal('/rooms/..%2Fa%20b/lamp');
  });
});
