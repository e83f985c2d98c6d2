// How wide words are, before they stand on the page.

/** Widths by font and words, which are asked for in each frame in which the network turns. */
const known = new Map<string, number>();
const MOST = 5000;
let context: CanvasRenderingContext2D | null = null;

/** The width of a line of text in pixels; `font` is what CSS calls so, with weight, size and family. */
export function textWidth(text: string, font: string): number {
  const key = `${font}\n${text}`;
  let width = known.get(key);
  if (width === undefined) {
    context ??= document.createElement("canvas").getContext("2d");
    if (!context) return 0;
    context.font = font;
    width = Math.ceil(context.measureText(text).width);
    if (known.size >= MOST) known.clear();
    known.set(key, width);
  }
  return width;
}

/** The fonts in which a network is named. */
export interface Fonts {
  name: string;
  detail: string;
}

/** As the style sheet has them, in the family of the page. */
export function fontsOf(element: Element): Fonts {
  const { fontFamily } = getComputedStyle(element);
  return { name: `600 12px ${fontFamily}`, detail: `10.5px ${fontFamily}` };
}
