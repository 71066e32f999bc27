import type { JsonObject } from '../../common/json.ts';
import type { ToolOffer } from '../../core/model.ts';
import { fill, inRange, readTool, type DemoParameter, type DemoTool, type Filling } from './match.ts';
import { requestsOf, type Quantity, type Request } from './sentence.ts';
import { GENERIC } from './vocabulary.ts';

/** A call that the demo model makes. */
export type PlannedCall = { tool: DemoTool; args: JsonObject };

/**
 * A request that leads to no call, and why. With `missing`: the tool that fits, and the parameters that it lacks. With `words`: the
 * parts of the request that the tool that fits best does not explain.
 */
export interface Note {
  request: Request;
  why: NonNullable<Request['beyond']> | 'unknown' | 'missing';
  tool?: DemoTool;
  missing?: DemoParameter[];
  words?: string[];
}

/** A tool that may be meant, and the words of the request that it does not explain. */
type Candidate = Filling & { tool: DemoTool; missing: DemoParameter[]; unexplained: string[] };

/** The calls for a sentence, those of one round at once. `earlier`: arguments of earlier calls, which "it" refers to. */
export function planOf(sentence: string, offers: readonly ToolOffer[], earlier: JsonObject) {
  const tools = offers.map(readTool);
  const known = /\b(?:its?|that|them|there)\b|它|那里/i.test(sentence) ? { ...earlier } : {};
  const rounds: PlannedCall[][] = [];
  const notes: Note[] = [];
  for (const request of requestsOf(sentence)) {
    const found = request.beyond ? { request, why: request.beyond } : callsFor(request, tools, known);
    if (Array.isArray(found)) addCalls(rounds, found, request.afterwards, known);
    else if (found.why !== 'unknown' || request.intent !== 'unclear') notes.push(found);
  }
  return { rounds, notes };
}

/** Reads go together, and so do calls of one tool; all else keeps the order of the words. */
function addCalls(
  rounds: PlannedCall[][],
  calls: PlannedCall[],
  afterwards: boolean,
  known: JsonObject,
): void {
  for (const [index, { tool, args: filled }] of calls.entries()) {
    const args = Object.fromEntries(Object.entries(filled).filter(([, value]) => value !== undefined));
    const round = rounds.at(-1) ?? [];
    const last = round.at(-1)?.tool;
    const together = last === tool || (last?.effect === 'read' && tool.effect === 'read');
    if (!together || (index === 0 && afterwards)) rounds.push([{ tool, args }]);
    else if (tool.effect === 'write' && isOfOneThing(round.at(-1)!.args, args))
      Object.assign(round.at(-1)!.args, args); // one call sets several fields
    else if (!round.some((call) => JSON.stringify(call) === JSON.stringify({ tool, args })))
      round.push({ tool, args });
    Object.assign(known, args);
  }
}

/** Whether a call would change something, and the request gave none of its arguments. A tool without arguments needs none. */
function isOfNothing({ tool, givenCount }: Candidate): boolean {
  return tool.effect === 'write' && tool.parameters.length > 0 && givenCount === 0;
}

/** Whether two sets of arguments may go into one call: they name the same thing, and no field has two values. */
function isOfOneThing(a: JsonObject, b: JsonObject): boolean {
  return Object.entries(b).every(([name, value]) => a[name] === undefined || a[name] === value);
}

/** The calls of the tool that fits best. Every word and every number has to be understood: in doubt nothing is called. */
function callsFor(request: Request, tools: DemoTool[], known: JsonObject): PlannedCall[] | Note {
  const effect = request.intent === 'write' ? 'write' : 'read';
  const candidates = tools
    .filter((tool) => tool.effect === effect)
    .map((tool) => judge(tool, request, known));
  const [best, ...others] = candidates.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
  if (!best) return { request, why: 'unknown' };
  const { tool, args, missing } = best;
  const chosen = [best, ...alsoMeant(best, others)];
  const isFree = (key: string): boolean =>
    chosen.every((one) => !one.tool.keys.has(key) && !one.used.has(key));
  const unused = request.quantities.filter((quantity) => chosen.every(({ used }) => !used.has(quantity)));
  // A number that the tool lacks is out of range: that is said. Any other number was not understood.
  const free = request.words.filter(({ key = '' }) => best.unexplained.includes(key) && isFree(key));
  if (free.length > 0 || unused.length > missing.length)
    return { request, why: 'unknown', words: wordsOf(free, unused) };
  const refused = outOfRange(missing, unused);
  if (refused) return [{ tool, args: { ...args, ...refused } }];
  const [{ name, choices } = { name: '', choices: [] }] = missing;
  const isForAll = missing.length === 1 && request.words.some(({ key }) => key === 'all'); // "all lights"
  if (isForAll && choices.length > 0)
    return choices.map(({ value }) => ({ tool, args: { ...args, [name]: value } }));
  // A change of nothing in particular would be a guess, and its answer would be "Done" for nothing.
  if (isOfNothing(best))
    return { request, why: 'missing', tool, missing: missing.length > 0 ? missing : tool.parameters };
  if (missing.length === 0)
    return chosen.filter((one) => !isOfNothing(one)).map((one) => ({ tool: one.tool, args: one.args }));
  return { request, why: 'missing', tool, missing };
}

/**
 * The only missing argument with the only number that is left, where the schema refuses that number. The call is made: the server
 * refuses it in its own words, nothing is sent, and a script learns that the sentence failed.
 */
function outOfRange(missing: readonly DemoParameter[], unused: readonly Quantity[]): JsonObject | undefined {
  const [parameter] = missing;
  const [quantity] = unused;
  if (!parameter || !quantity || missing.length > 1 || unused.length > 1) return undefined;
  const isNumber = parameter.schema['type'] === 'number' || parameter.schema['type'] === 'integer';
  if (!isNumber || inRange(parameter.schema, quantity.value)) return undefined;
  return { [parameter.name]: quantity.value };
}

/** The parts of a request that were not understood, as the user wrote them. */
function wordsOf(words: readonly { text: string }[], quantities: readonly Quantity[]): string[] {
  return [...new Set([...words.map(({ text }) => text), ...quantities.map(({ value }) => `${value}`)])];
}

/** How well a tool fits: a point for each word and value that it explains, none when only generic words are in common. */
function judge(tool: DemoTool, request: Request, known: JsonObject): Candidate {
  const filling = fill(tool, request);
  const keys = [...new Set(request.words.flatMap(({ key }) => key ?? []))];
  const mine = keys.filter((key) => tool.keys.has(key) || filling.used.has(key));
  const isVague = (key: string): boolean => GENERIC.has(key) && (key !== 'set' || tool.effect === 'write');
  const explained = mine.filter((key) => !isVague(key)).length + filling.sureCount;
  const isNeeded = (key: string): boolean =>
    !isVague(key) || (tool.effect === 'write' && /^(?:on|off)$/.test(key));
  const unexplained = keys.filter((key) => !mine.includes(key) && isNeeded(key) && key !== filling.guessed);
  const missing = missingIn(tool, filling.args, known);
  const score = filling.score + explained + 0.3 * (mine.length - explained) - 0.75 * missing.length;
  return { ...filling, tool, missing, unexplained, score: explained > 0 ? score : 0 };
}

/** The required parameters without a value. One that was said before is taken: "and set its brightness to 40 %". */
function missingIn({ parameters }: DemoTool, args: JsonObject, known: JsonObject): DemoParameter[] {
  return parameters.filter(({ name, required, choices }) => {
    const fits = choices.length === 0 || choices.some(({ value }) => value === known[name]);
    if (required && fits) args[name] ??= known[name];
    return required && args[name] === undefined;
  });
}

/** More changes that the same words ask for: "the kitchen light on at 40 %" where brightness has a tool of its own. */
function alsoMeant(best: Candidate, others: Candidate[]): Candidate[] {
  const seen = new Set(best.used);
  const isNew = (used: string | Quantity): boolean =>
    !seen.has(used) && (typeof used === 'string' || !!used.unit);
  return others.filter(({ tool, args, used }) => {
    if (![...used].some(isNew) || missingIn(tool, args, best.args).length > 0) return false;
    used.forEach((one) => seen.add(one));
    return true;
  });
}
