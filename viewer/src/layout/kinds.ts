// How each kind of layer is drawn: one row for each. A kind that is not here (one that a user added) is drawn as "other".

/** How the units of a layer are placed. */
export type Figure = "disc" | "grid" | "ring" | "clusters";

/** The solid that stands for a unit. */
export type Shape = "plate" | "ball" | "tile" | "octahedron" | "drum" | "tetrahedron" | "dodecahedron";

export interface Look {
  shape: Shape;
  figure: Figure;
}

const OTHER: Look = { shape: "dodecahedron", figure: "disc" };

const LOOKS = new Map<string, Look>([
  ["input", { shape: "plate", figure: "grid" }],
  ["linear", { shape: "ball", figure: "disc" }],
  ["conv", { shape: "tile", figure: "grid" }],
  ["rnn", { shape: "octahedron", figure: "ring" }],
  ["lstm", { shape: "octahedron", figure: "ring" }],
  ["gru", { shape: "octahedron", figure: "ring" }],
  ["embedding", { shape: "drum", figure: "grid" }],
  ["attention", { shape: "tetrahedron", figure: "clusters" }],
  ["stream", { shape: "drum", figure: "disc" }],
  ["other", OTHER],
]);

/** The look of a kind of layer, by its name in the snapshot. */
export const lookOf = (kind: string): Look => LOOKS.get(kind) ?? OTHER;
