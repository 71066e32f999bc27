import type { JsonObject } from '../../common/json.ts';
import type { ToolOffer } from '../../core/model.ts';
import { catalogOf, type Catalog, type Entry, type Parameter } from './catalog.ts';
import { fill, GENERIC, type Filling } from './fill.ts';
import { partsOf, type Part } from './parts.ts';

export interface PlannedCall {
  entry: Entry;
  args: JsonObject;
}

/** A part that nothing is done for, and why. */
export interface Note {
  part: Part;
  why: 'negated' | 'conditional' | 'relative' | 'unknown' | 'missing';
  /** With `missing`: what would have been called, and what it lacks. */
  entry?: Entry;
  parameters?: Parameter[];
}

export interface Plan {
  /** Calls to make, in order; those of one round at once. */
  rounds: PlannedCall[][];
  notes: Note[];
}

interface Candidate {
  entry: Entry;
  filling: Filling;
  score: number;
  /** Words of the part that it has something to do with, and those that it has not. */
  explained: number;
  unexplained: string[];
  /** Whether it is also the right kind of deed, or some value was found for it: more than a noun in common. */
  kindred: boolean;
}

const NEUTRAL = new Set(['current', 'room', 'status', 'stat']);
const CALLS_MAX_COUNT = 24;

/** What to call for a sentence. `earlier` holds arguments of earlier calls, for words like "it". */
export function planOf(sentence: string, tools: readonly ToolOffer[], earlier: JsonObject): Plan {
  const catalog = catalogOf(tools);
  const known: JsonObject = /\b(?:it|its|that|them|there)\b|它|那里/i.test(sentence) ? { ...earlier } : {};
  const plan: Plan = { rounds: [], notes: [] };
  let recent: Entry | undefined;
  for (const part of partsOf(sentence)) {
    if (part.beyond !== undefined) {
      plan.notes.push({ part, why: part.beyond });
      continue;
    }
    const { calls, note } = callsFor(part, catalog, known, recent);
    if (note !== undefined && (note.why !== 'unknown' || part.intent !== 'unclear')) plan.notes.push(note);
    let fresh = part.afterwards;
    for (const call of calls) {
      addCall(plan, call, fresh);
      fresh = false;
      Object.assign(known, call.args);
      recent = call.entry;
    }
  }
  return plan;
}

/** Readings go together, as do calls of one changing tool; everything else goes in the order of the words. */
function addCall(plan: Plan, call: PlannedCall, fresh: boolean): void {
  const round = plan.rounds.at(-1);
  const last = round?.at(-1);
  const reads = last?.entry.effect === 'read' && call.entry.effect === 'read';
  const text = JSON.stringify(call.args);
  if (round?.some(({ entry, args }) => entry === call.entry && JSON.stringify(args) === text)) return;
  if (round !== undefined && !fresh && (reads || last?.entry === call.entry)) round.push(call);
  else plan.rounds.push([call]);
}

function callsFor(
  part: Part,
  catalog: Catalog,
  known: JsonObject,
  recent: Entry | undefined,
): { calls: PlannedCall[]; note?: Note } {
  const unknown: Note = { part, why: 'unknown' };
  const effect = part.intent === 'write' ? 'write' : 'read';
  const candidates = catalog.entries
    .filter((entry) => entry.effect === effect)
    .map((entry) => judge(entry, part, catalog, known, recent))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  const [best, second] = candidates;
  if (best === undefined) return { calls: [], note: unknown };

  const chosen = [best, ...(effect === 'write' ? alsoMeant(best, candidates) : [])];
  const unexplained = best.unexplained.filter((key) =>
    chosen.every(({ entry, filling }) => !entry.keys.has(key) && !filling.used.keys.has(key)),
  );
  const tied = best.explained === 0 && second !== undefined && second.score === best.score;
  const doubtful =
    effect === 'write' ? best.explained <= unexplained.length : best.explained < unexplained.length;
  // A number that nothing takes says something that was not understood, unless the tool lacks just that: it is out of range.
  const unused = part.quantities.filter((quantity) =>
    chosen.every(({ filling }) => !filling.used.quantities.has(quantity)),
  );
  const adrift = effect === 'write' && unused.length > best.filling.missing.length;
  if (tied || adrift || (unexplained.length > 0 && doubtful)) return { calls: [], note: unknown };
  if (best.filling.missing.length > 0) {
    const calls = eachChoice(best, part);
    if (calls !== undefined) return { calls };
    if (!best.kindred) return { calls: [], note: unknown };
    const note: Note = { part, why: 'missing', entry: best.entry, parameters: best.filling.missing };
    return { calls: [], note };
  }
  return { calls: chosen.map(({ entry, filling }) => ({ entry, args: ordered(entry, filling.args) })) };
}

function judge(
  entry: Entry,
  part: Part,
  catalog: Catalog,
  known: JsonObject,
  recent: Entry | undefined,
): Candidate {
  const filling = fill(entry, part);
  const keys = new Set(part.words.flatMap(({ key }) => key ?? []));
  let score = filling.score;
  let explained = filling.sureCount;
  let generic = 0;
  const unexplained: string[] = [];
  for (const key of keys) {
    const mine = entry.keys.has(key) || filling.used.keys.has(key);
    if (mine)
      score +=
        catalog.weight(key) *
        (entry.nameKeys.has(key) ? 1.5 : 1) *
        (GENERIC.has(key) && !(key === 'set' && part.intent === 'read') ? 0.3 : 1);
    if (GENERIC.has(key)) generic += mine ? 1 : 0;
    else if (mine) explained++;
    else if (!filling.guessed.has(key)) unexplained.push(key);
  }
  if (unexplained.length === 0) borrow(filling, known);
  for (const key of entry.nameKeys)
    if (!keys.has(key) && !GENERIC.has(key) && !NEUTRAL.has(key)) score -= 0.25;
  score -= 0.75 * filling.missing.length;
  // Nothing in common but "turn" and "on" is nothing, unless that is all that was said.
  const bare =
    unexplained.length === 0 &&
    filling.guessed.size === 0 &&
    !keys.has('all') &&
    generic > 0 &&
    (filling.score >= 1 || entry.parameters.length === 0);
  if (explained === 0) score = bare ? score + (entry === recent ? 1 : 0) : 0;
  return { entry, filling, score, explained, unexplained, kindred: generic > 0 || filling.score > 0 };
}

/** What a part leaves out because it was said before: "… and set its brightness to 40 %". */
function borrow(filling: Filling, known: JsonObject): void {
  filling.missing = filling.missing.filter(({ name, choices }) => {
    const value = known[name];
    const fits =
      value !== undefined && (choices.length === 0 || choices.some((choice) => choice.value === value));
    if (fits) filling.args[name] = value;
    return !fits;
  });
}

/** Further changes that the same words ask for: "the kitchen light on at 40 %" where brightness is a tool of its own. */
function alsoMeant(best: Candidate, candidates: Candidate[]): Candidate[] {
  const { keys, quantities } = best.filling.used;
  const used = { keys: new Set(keys), quantities: new Set(quantities) };
  const known = { ...best.filling.args };
  const more: Candidate[] = [];
  for (const candidate of candidates.slice(1)) {
    const { filling, explained } = candidate;
    const news =
      [...filling.used.keys].some((key) => !used.keys.has(key)) ||
      [...filling.used.quantities].some(
        (quantity) => quantity.unit !== undefined && !used.quantities.has(quantity),
      );
    if (!news || explained === 0) continue;
    borrow(filling, known);
    if (filling.missing.length > 0) continue;
    more.push(candidate);
    for (const key of filling.used.keys) used.keys.add(key);
    for (const quantity of filling.used.quantities) used.quantities.add(quantity);
  }
  return more;
}

/** "All lights": one call for each choice of the one parameter that is missing. */
function eachChoice({ entry, filling }: Candidate, part: Part): PlannedCall[] | undefined {
  const [missing, ...others] = filling.missing;
  const all = part.words.some(({ key }) => key === 'all');
  if (!all || missing === undefined || others.length > 0 || missing.choices.length === 0) return undefined;
  if (missing.choices.length > CALLS_MAX_COUNT) return undefined;
  return missing.choices.map(({ value }) => ({
    entry,
    args: ordered(entry, { ...filling.args, [missing.name]: value }),
  }));
}

/** Arguments in the order in which the tool describes them. */
function ordered({ parameters }: Entry, args: JsonObject): JsonObject {
  return Object.fromEntries(
    parameters.flatMap(({ name }) => (args[name] === undefined ? [] : [[name, args[name]]])),
  );
}
