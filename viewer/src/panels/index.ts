// The list of all panels: one line for each, with its place in the page. Panels of one place stand in the order of this list.
import { ofKind, systemName } from "../scales/kind";
import { banner } from "./banner";
import { causalPanel } from "./causal";
import { commandPanel } from "./command";
import { comparePanel } from "./compare";
import { conceptsPanel } from "./concepts";
import { controlPanel } from "./control";
import { curvePanel } from "./curve";
import { distinctionsPanel } from "./distinctions";
import { emptyPanel } from "./empty";
import { groupsPanel } from "./groups";
import { header } from "./header";
import { networkPanel } from "./network";
import { overviewPanel } from "./overview";
import type { MakePanel } from "./panel";
import { reading } from "./reading";
import { recordCurvePanel } from "./recordCurve";
import { relationsPanel } from "./relations";
import { stepsPanel } from "./steps";
import { systemPhiPanel } from "./systemPhi";
import { tpmPanel } from "./tpm";
import { wholePanel } from "./whole";

const named = (name: string) => (kind: string | undefined) => `${name}${ofKind(kind)}`;

/** The cards of the right-hand column. A narrow window shows one of them at a time, by tabs with these names; `rest`
 * is the part of a name for which a telephone has no room. A title says of which kind the numbers of the shown record are. */
export const CARDS = [
  { id: "causal", name: "System", rest: "", title: systemName },
  { id: "tpm", name: "TPM", rest: "", title: named("Transition probabilities") },
  { id: "groups", name: "Groups", rest: "", title: named("Groups of units") },
  { id: "whole", name: "Whole", rest: " layer", title: () => "Whole layer (statistical)" },
  { id: "compare", name: "A and B", rest: "", title: () => "A and B" },
] as const;

/** Where a panel stands: in the bar on top, in the row below it, on the left, in a card on the right, or over the whole page. */
export type Place = "top" | "summary" | "left" | (typeof CARDS)[number]["id"] | "over";

export const PANELS: readonly { make: MakePanel; place: Place }[] = [
  { make: header, place: "top" },
  { make: banner, place: "top" },
  { make: controlPanel, place: "top" },
  { make: reading, place: "summary" },
  { make: networkPanel, place: "left" },
  { make: curvePanel, place: "left" },
  { make: stepsPanel, place: "left" },
  { make: causalPanel, place: "causal" },
  { make: systemPhiPanel, place: "causal" },
  { make: conceptsPanel, place: "causal" },
  { make: distinctionsPanel, place: "causal" },
  { make: relationsPanel, place: "causal" },
  { make: commandPanel, place: "causal" },
  { make: tpmPanel, place: "tpm" },
  { make: recordCurvePanel, place: "tpm" },
  { make: groupsPanel, place: "groups" },
  { make: wholePanel, place: "whole" },
  { make: comparePanel, place: "compare" },
  { make: overviewPanel, place: "over" },
  { make: emptyPanel, place: "over" },
];
