// What a set of parts says of the past and of the future.
import type { Concept } from "../engine/iit3";
import { effectOf, repertoiresOf, UNCUT } from "../engine/repertoires";
import { averaged, givenOf } from "../engine/system";
import type { Setup } from "./systems";
import { N, systemOf } from "./systems";

export interface Side {
  /** The nodes that it is about: those of the concept, or all where the set is none. */
  purview: number;
  /** The probability of each state of the purview, and what it would be by chance. */
  repertoire: Float64Array;
  chance: Float64Array;
  phi: number;
}

export function sidesOf(
  now: Setup & { mechanism: number },
  concept: Pick<Concept, "cause" | "effect"> | undefined,
): { cause: Side; effect: Side } {
  const repertoires = repertoiresOf(givenOf(averaged(systemOf(now))), N, now.state, UNCUT);
  const all = { purview: 2 ** N - 1, phi: 0 };
  const side = (of: { purview: number; phi: number }, repertoire: (mechanism: number, purview: number) => Float64Array): Side => ({
    ...of,
    repertoire: repertoire(now.mechanism, of.purview),
    chance: repertoire(0, of.purview),
  });
  return {
    cause: side(concept?.cause ?? all, repertoires.cause),
    effect: side(concept?.effect ?? all, (mechanism, purview) => effectOf(repertoires, mechanism, purview, N)),
  };
}
