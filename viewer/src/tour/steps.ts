// What each step of the tour says, shows and lets a person do.
import type { Name } from "./systems";

export type Part = "next" | "tpm" | "mechanism" | "concepts" | "cuts" | "phi" | "reason" | "both" | "training";

export interface Step {
  title: string;
  words: string[];
  /** What to try. */
  task: string;
  kind: Name;
  /** The state at the beginning, as a mask of the nodes that are ON. */
  state: number;
  /** Whether connections can be cut. */
  cutting: boolean;
  /** The connections that are cut at the beginning. */
  cut: string[];
  parts: Part[];
}

const PLAIN = { cutting: false, cut: [] };

export const STEPS: Step[] = [
  {
    title: "Parts that act on each other",
    words: [
      "Here are three parts. Each is ON or OFF; the arrows say which part acts on which.",
      "Each follows the majority: it is ON next if at least two of the three are ON now. In 1 of 20 cases it errs.",
    ],
    task: "Press a circle to turn it ON or OFF. Then let a moment pass.",
    ...PLAIN,
    kind: "majority",
    state: 1,
    parts: ["next"],
  },
  {
    title: "What follows from each state",
    words: [
      "All that the system can do is one table, its transition probability matrix (TPM): for each state, how probable it is that each part is ON next.",
      "Φ is computed from this table and the current state alone, whatever the parts are made of.",
    ],
    task: "Press a row to put the system into that state.",
    ...PLAIN,
    kind: "majority",
    state: 3,
    parts: ["tpm"],
  },
  {
    title: "What a part says of past and future",
    words: [
      "That A is ON now makes some past states more probable, and some next states too. The bars show how probable; thin lines are chance.",
      "φ says how much of this is lost by the cut that harms least. Several parts together can say more than each alone.",
    ],
    task: "Choose another set of parts, or turn a part ON or OFF.",
    ...PLAIN,
    kind: "majority",
    state: 7,
    parts: ["mechanism"],
  },
  {
    title: "Concepts",
    words: [
      "A set of parts with φ above 0 is a concept: it says what its parts do not say one by one.",
      "Of these XOR gates no single one is a concept, but pairs are: to know one input of an XOR gate is to know nothing.",
    ],
    task: "Turn parts ON or OFF, or press an arrow to cut it.",
    kind: "xor",
    state: 0,
    cutting: true,
    cut: [],
    parts: ["concepts"],
  },
  {
    title: "Φ: what the weakest cut destroys",
    words: [
      "Here are three different gates. Cut the system in two: all arrows from one side to the other bring only noise. Some concepts change, others are lost.",
      "Φ is the loss by the cut that harms least; its arrows are crossed. Φ is high if even this cut destroys much.",
    ],
    task: "Cut an arrow yourself: what is left of Φ?",
    kind: "mixed",
    state: 1,
    cutting: true,
    cut: [],
    parts: ["phi", "cuts"],
  },
  {
    title: "A chain is reducible: Φ\u00a0=\u00a00",
    words: [
      "In this chain B copies A, and C copies B. Nothing leads back, so one cut, from BC to A, destroys nothing.",
      "So the system is no more than its parts: it is reducible, and Φ is 0, however useful it may be.",
    ],
    task: "Press the crossed arrow from C to A to close the ring.",
    kind: "chain",
    state: 1,
    cutting: true,
    cut: ["2-0"],
    parts: ["phi", "reason", "concepts"],
  },
  {
    title: "Two versions of the theory",
    words: [
      "IIT 3.0 (2014) compares all concepts before and after a cut. IIT 4.0 (2023) asks which cause and effect the whole system specifies, and how much a cut takes from these: φ_s.",
      "Both are exact here and may disagree, so each number names its version.",
    ],
    task: "Choose a system, and press a row for a state.",
    ...PLAIN,
    kind: "xor",
    state: 0,
    parts: ["both"],
  },
  {
    title: "What your training measures",
    words: [
      "The callback does this with a few units of your network: it counts which state follows which. Its table is an average over all else, so it is blurred.",
      "Units of a feed-forward layer do not act on each other: their Φ is 0, as the chain's was. A recurrent layer can have more. Φ says nothing of how well a network works.",
    ],
    task: "Blur the table, or take away the connections.",
    ...PLAIN,
    kind: "xor",
    state: 0,
    parts: ["training", "phi"],
  },
];
