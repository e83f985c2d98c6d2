// How the tour writes nodes, states, cuts and numbers.
import type { Cut } from "../engine/repertoires";
import { members } from "../engine/sets";
import { fixed } from "../scales/format";
import { N } from "./systems";

const LETTERS = "ABC";
/** What rounding leaves of a number that is exactly 0. */
const ROUNDING = 1e-9;

export const letter = (node: number): string => LETTERS[node] ?? "";

/** The letters of a set of nodes. */
export const letters = (nodes: number): string => members(nodes).map(letter).join("");

/** A state of some nodes as digits, the first node first. */
export const digits = (state: number, nodes: number = 2 ** N - 1): string =>
  members(nodes)
    .map((node) => (state >> node) & 1)
    .join("");

export const cutWords = ({ from, to }: Cut): string => `${letters(from)} → ${letters(to)}`;

/** A chance with two decimals; a certain one has none. */
export const chanceText = (p: number): string => (p === 0 || p === 1 ? String(p) : p.toFixed(2));

export const number = (value: number): string => fixed(Math.abs(value) < ROUNDING ? 0 : value, 3);
