// The network in three dimensions as a picture: what the graphics card draws, and the names that stand over it.
import type { Stage } from "../parts/stage";
import { blobOf } from "./paper";

/** How much finer than on the page the picture is. */
const FINER = 3;

export interface SceneLook {
  theme: "light" | "dark";
  /** Pixels for each pixel of the page. */
  ratio: number;
}

/** The networks beside each other, without a ground. */
export function sceneCanvas(stages: readonly Stage[], { theme, ratio }: SceneLook): HTMLCanvasElement {
  const parts = stages.flatMap(({ scene, element }) => (scene ? [{ picture: scene.picture(ratio, theme), element }] : []));
  const canvas = document.createElement("canvas");
  canvas.width = parts.reduce((sum, { picture }) => sum + picture.width, 0);
  canvas.height = Math.max(0, ...parts.map(({ picture }) => picture.height));
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  let left = 0;
  for (const { picture, element } of parts) {
    context.setTransform(1, 0, 0, 1, left, 0);
    context.drawImage(picture, 0, 0);
    context.scale(ratio, ratio);
    names(context, element, theme);
    left += picture.width;
  }
  return canvas;
}

/** Black names and rings, for white paper; the ground is transparent. */
export const scenePng = (stages: readonly Stage[]): Promise<Blob> => blobOf(sceneCanvas(stages, { theme: "light", ratio: FINER }));

/** The names of layers and the letters of units where the page has them, with the lines that lead to them. */
function names(context: CanvasRenderingContext2D, stage: HTMLElement, theme: "light" | "dark"): void {
  const [ink, ground] = theme === "light" ? ["#000000", "#ffffff"] : ["#ffffff", "#161b23"];
  const from = stage.getBoundingClientRect();
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.strokeStyle = ink;
  for (const path of stage.querySelectorAll(".leaders path:not(.ground)")) context.stroke(new Path2D(path.getAttribute("d") ?? ""));
  for (const element of stage.querySelectorAll<HTMLElement>(".layer-name b, .layer-name span, .letter, .stage-title")) {
    const box = element.getBoundingClientRect();
    if (!box.width || !element.textContent) continue;
    const { fontSize, fontWeight } = getComputedStyle(element);
    context.font = `${fontWeight} ${fontSize} Helvetica, Arial, "Liberation Sans", sans-serif`;
    const [x, y] = [(box.left + box.right) / 2 - from.left, (box.top + box.bottom) / 2 - from.top];
    context.strokeStyle = ground;
    context.lineWidth = 3;
    context.strokeText(element.textContent, x, y);
    context.fillStyle = ink;
    context.fillText(element.textContent, x, y);
  }
}
