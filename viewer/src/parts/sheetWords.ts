// The words of the side sheets, one sheet for each panel.
import { isIIT4 } from "../scales/formalism";
import type { Term } from "../scales/glossary";

interface Sheet {
  title: string;
  shows: string;
  computed: string;
  read: string;
  not: string;
  source: string;
  terms: readonly Term[];
}

export const PARAGRAPHS = [
  { key: "shows", heading: "What is shown" },
  { key: "computed", heading: "How it is computed" },
  { key: "read", heading: "How to read it" },
  { key: "not", heading: "What it does not say" },
] as const;

const IIT3 = "Oizumi, Albantakis and Tononi (2014), PLOS Computational Biology 10(5): e1003588 (IIT 3.0)";
const IIT4 = "Albantakis et al. (2023), PLOS Computational Biology 19(10): e1011465 (IIT 4.0)";
const OURS = "lightning-iit, docs/statistics.md";

/** What depends on the theory that the shown numbers are of. */
const OF_IIT3 = {
  symbol: "Φ",
  divided: "cut",
  unit: "The unit of Φ (IIT 3.0) is the earth mover's distance, EMD: how much probability has to be moved, times how far, to make one set of probabilities into another.",
  source: IIT3,
} as const;
const OF_IIT4 = {
  symbol: "φ_s",
  divided: "partition",
  unit: "The unit of φ_s (IIT 4.0) is the ibit (intrinsic bit): a probability times the log2 of a ratio of probabilities.",
  source: IIT4,
} as const;

const sheets = ({ symbol, divided, unit, source }: typeof OF_IIT3 | typeof OF_IIT4) =>
  ({
    reading: {
      title: "The number and what it means",
      shows: `${symbol} of the layer (or of one group of units) at the shown epoch, what may be concluded from it, and what it is judged by.`,
      computed: `From the transition probabilities of the units: ${symbol} is what the weakest ${divided} destroys, in one state.`,
      read: "First the sentences. What is said of the layer and what of the shown group stands in two boxes: kind and interval, then null or resamples, and coverage. A number with a mark in amber needs its explanation.",
      not: "It is not Φ of the whole network as one system, and says nothing about consciousness.",
      source,
      terms: [symbol, "survey", "kind", "causal", "observational", "statistical", "null", "coverage", "state"],
    },
    network: {
      title: "The network",
      shows: "The layers with a sample of their units, the strongest connections among them, and the activity of one batch.",
      computed: "From a snapshot of weights and activations that is taken at the end of an epoch.",
      read: "A thicker line is a larger weight; a brighter unit is more active. The analysed units have rings, stronger in the shown layer.",
      not: "Units and connections that are not drawn exist too. A drawn connection is a weight, no proof of a causal influence.",
      source: "The weights and activations of the run itself; no formula.",
      terms: ["group", "mechanism"],
    },
    curve: {
      title: "The curve over epochs",
      shows: `${symbol} of each layer at each epoch, with its 90 % interval where one was computed.`,
      computed: `At every epoch as at the shown one: the mean over the groups of units, the same groups at all epochs, unless a command changed them: there the line is broken. ${unit}`,
      read: `Compare a change with the interval. An epoch without ${symbol} is a cross above the values; its reason stands in the tip. Epoch -1 is the untrained network.`,
      not: "A curve that follows the loss does not show that one causes the other. Different kinds of number are not comparable.",
      source: OURS,
      terms: [symbol, "survey", "null"],
    },
    causal: {
      title: "The system",
      shows: "The units of the shown group, how strongly the next state of each hangs on the others, and the minimum partition.",
      computed:
        "An arrow is how much the chance that its target is ON changes with its source, as a mean over the other units' states: orange where its source being ON raises it, blue where it lowers it. Changes below 0.03 are not drawn, unless the partition severs them.",
      read: "Colours and the dashed line are the parts of the partition that changes least. Choose another state to see another partition.",
      not: `It is a causal system only where the units were set. Of watched units an arrow may come from an input that both share, and where the kind is statistical no connection joins the units: partition, mechanisms and purviews then describe the data alone. Other partitions may have nearly the same ${symbol}.`,
      source,
      terms: [divided, symbol, "state", "group", "causal", "observational", "statistical"],
    },
    control: {
      title: "Control of the training",
      shows: "How far the training of this run is, as it says so itself while this page is open, and the commands that it takes.",
      computed: "Commands and answers are small files in the run's folder; the training looks for them when a batch has ended.",
      read: "A command is done or refused with a reason, both are kept in the log and in the report. Epochs are counted from 0.",
      not: "The time left follows the pace so far. The loss is that of single batches, and the network shows one sample of one batch.",
      source: "lightning-iit, docs/control.md",
      terms: [symbol, "state"],
    },
    steps: {
      title: "Analyses within epochs",
      shows: `${symbol} of the layer at steps between the ends of epochs, with what each is judged by.`,
      computed: "As at the end of an epoch, from the transitions that were recorded until this step.",
      read: `A row is a step. A remark says why there is no ${symbol}, or what to know of it.`,
      not: `These numbers are not in the curve: fewer transitions make ${symbol} larger by chance.`,
      source: OURS,
      terms: [symbol, "null"],
    },
    systemPhi: {
      title: "φ_s of the system",
      shows: "The cause and the effect state that the system specifies, with their numbers.",
      computed:
        "Of all past and next states those with the largest intrinsic information; φ_s is what the weakest partition takes of them.",
      read: "φ_s is the smaller of cause and effect. Signed φ_s says how far from integrated a system with φ_s = 0 is.",
      not: "It is not on one scale with the Φ of IIT 3.0.",
      source: IIT4,
      terms: ["φ_s", "state", "partition"],
    },
    concepts: {
      title: "Concepts",
      shows: "Each mechanism that has a concept, with the purviews of its cause and its effect and its φ.",
      computed: "For every set of units: the purview about which its state says most that its parts do not say.",
      read: "A longer bar is a larger φ. Point at a row to see its units light up.",
      not: "A set without a row has φ = 0. The sum of all φ is not Φ.",
      source: IIT3,
      terms: ["concept", "mechanism", "purview", "φ"],
    },
    distinctions: {
      title: "Distinctions",
      shows: "Each mechanism with the cause and the effect that it specifies, and φ_d.",
      computed: "For every set of units the purviews with the largest φ; φ_d is the smaller one of cause and effect.",
      read: "The strongest stand first. Only distinctions that agree with the system's cause and effect state are counted.",
      not: "A set without a row is reducible or does not agree with the system's states.",
      source: IIT4,
      terms: ["distinction", "mechanism", "purview", "φ"],
    },
    relations: {
      title: "Relations",
      shows: "How many relations join the distinctions, and how strong they are.",
      computed: "From the units that causes and effects of distinctions have in common, in the same state.",
      read: "The sum of φ over distinctions and relations is Φ of the structure.",
      not: "That sum grows with the number of distinctions; compare systems of one size only.",
      source: IIT4,
      terms: ["relation", "distinction", "Φ"],
    },
    command: {
      title: "Compute this again",
      shows: `A command that computes ${symbol} of the shown transition probabilities in a state of your choice.`,
      computed: "By the chosen engine, on the machine that serves the page or in your terminal.",
      read: `Set the bits to a state and press Compute; the result becomes a state of its own above. Best partitions lists the five with the smallest ${symbol}. Other units asks about units of your choice, typed or clicked in the network: the recorded ones at once, any others of a training that runs.`,
      not: "A computed state was perhaps never visited: its row then holds the prior, not data.",
      source,
      terms: ["state", "coverage", symbol],
    },
    tpm: {
      title: "Transition probabilities",
      shows: "For each state of the units how likely each of them is ON one step later, or which state comes next.",
      computed: "From counts: how often a unit was ON after this state, with the prior where there are none.",
      read: "A row is a state, the first unit at the left of its bits. Rows that were never visited are marked.",
      not: "It is an estimate. Few visits make a row uncertain, and watched units may share their inputs.",
      source: OURS,
      terms: ["TPM", "state", "coverage", "kind"],
    },
    recordCurve: {
      title: "The curve against transitions",
      shows: `${symbol} of the same units from fewer of the transitions.`,
      computed: `The mean, smallest and largest ${symbol} of random parts of the transitions.`,
      read: `While the curve still falls, ${symbol} of all transitions is too large.`,
      not: `A flat curve does not show that ${symbol} is above its null.`,
      source: OURS,
      terms: [symbol, "null"],
    },
    compare: {
      title: "A and B",
      shows: "Two runs, or two epochs of a run, with partitions, mechanisms and the difference of their transition probabilities.",
      computed: "Each side from its own record; a difference is always B less A.",
      read: "Both stand in a state that both have, where there is one. A sentence above says what is not subtracted, and why: transition probabilities of the same units of one layer are, φ of a mechanism in the same state only.",
      not: "Unit A of one run is not unit A of another: they have only the place in common. Two runs do not show what other seeds do.",
      source: OURS,
      terms: [symbol, "state", divided, "mechanism"],
    },
    overview: {
      title: "All layers",
      shows: `A small curve of ${symbol} over epochs for each layer of the run.`,
      computed: "As in the large curve, for all layers at once.",
      read: "Layers of one kind stand together and have one axis. Choose a layer to see it in all panels.",
      not: "Layers of different kinds are not comparable.",
      source: OURS,
      terms: [symbol, "kind"],
    },
    groups: {
      title: "Groups of units",
      shows: `${symbol} of each group of the survey, with the mean and its interval.`,
      computed:
        "Each group in the states that it visited, weighted by visits; the interval comes from sequences that were drawn again.",
      read: "A point is a group. The first group is the one that the other panels show in detail.",
      not: "Among many groups one is always large: the largest alone is no finding.",
      source: OURS,
      terms: ["survey", "group", symbol],
    },
    whole: {
      title: "The whole layer",
      shows: "Measures of the activity of all units of the layer together, and what pairs of its units tell of their own future.",
      computed:
        "From the activations of one pass with fixed weights, as if they were Gaussian, without making them ON and OFF: what the parts of the layer have in common, at the division where that is least and between all units. Surrogates in which the parts were shifted against each other show what of it is bias.",
      read: "Compare what is above the null, not the values: bias grows with the number of units. A small p says that the parts do have something in common. The interval is corrected for the bias of resampling, so the number may lie beside it. In the pictures a square is a pair of units.",
      not: "These are statistics of activity and no causes: Φ* and Φ_G have their names from papers, and are not on a scale with the Φ of IIT. Inputs that drive all units raise them.",
      source: "lightning-iit, docs/whole-layers.md",
      terms: ["statistical", "null", "kind"],
    },
  }) satisfies Record<string, Sheet>;

export type SheetName = keyof ReturnType<typeof sheets>;

const OF_EACH: Record<"iit3" | "iit4", Record<SheetName, Sheet>> = { iit3: sheets(OF_IIT3), iit4: sheets(OF_IIT4) };

/** The sheets, in the words of the formalism that the page shows numbers of. */
export const sheetsOf = (formalism: string): Record<SheetName, Sheet> => OF_EACH[isIIT4(formalism) ? "iit4" : "iit3"];
