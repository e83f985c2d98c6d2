// How the tour writes nodes, states, cuts and numbers.
import type { Cut } from "../engine/repertoires";
import { members } from "../engine/sets";
import { N } from "./systems";

const LETTERS = "ABC";

export const letter = (node: number): string => LETTERS[node] ?? "";

/** The letters of a set of nodes. */
export const letters = (nodes: number): string => members(nodes).map(letter).join("");

/** A state of some nodes as digits, the first node first. */
export const digits = (state: number, nodes: number = 2 ** N - 1): string =>
  members(nodes)
    .map((node) => (state >> node) & 1)
    .join("");

export const cutWords = ({ from, to }: Cut): string => `${letters(from)} → ${letters(to)}`;

export const number = (value: number): string => value.toFixed(3);
