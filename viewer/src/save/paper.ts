// Pictures in the style of a paper: black on white, one sans-serif font, plain colours, axes with titles.
import { s } from "../dom";

export const FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif";
const INK = "#000000";
const SOFT = "#444444";
/** Fainter than this a colour is haze, and left out. */
const HAZE = 0.15;
const LINES = ["stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap"];
const KEPT = [...LINES, "font-size", "font-weight", "text-anchor", "opacity"];
/** How much finer than its size a picture is as PNG: 300 dots an inch for a column of 85 mm. */
const FINER = 4;

export const text = (x: number, y: number, words: string, anchor = "start", more: Record<string, unknown> = {}): SVGTextElement =>
  s("text", { x, y, "text-anchor": anchor, fill: INK, "font-size": 9, ...more }, words);

export const line = (d: string, more: Record<string, unknown> = {}): SVGPathElement =>
  s("path", { d, fill: "none", stroke: INK, "stroke-width": 0.8, ...more });

/** A picture with its title for readers of the file; the ground is white. */
export function sheet(width: number, height: number, title: string, ...children: (Node | null)[]): SVGSVGElement {
  return s(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height, "font-family": FONT },
    s("title", {}, title),
    s("rect", { width, height, fill: "#ffffff" }),
    ...children,
  );
}

export const upright = (x: number, y: number, words: string): SVGTextElement =>
  text(0, 0, words, "middle", { transform: `translate(${x} ${y}) rotate(-90)` });

/** The picture with a line of words below it. */
export function captioned(picture: SVGSVGElement, words: string): SVGSVGElement {
  if (!words) return picture;
  const { width, height } = picture.viewBox.baseVal;
  const [wide, high] = [Math.max(width, 16 + 4.4 * words.length), height + 16];
  picture.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  for (const element of [picture, picture.querySelector("rect")]) {
    element?.setAttribute("width", String(wide));
    element?.setAttribute("height", String(high));
  }
  picture.append(text(8, height + 8, words, "start", { fill: SOFT }));
  return picture;
}

/** A picture of the page as it stands in the light theme, with all that style sheets say of it written into it. */
export function inlined(picture: SVGSVGElement, title: string, axes: { x?: string; y?: string } = {}): SVGSVGElement {
  const stage = document.createElement("div");
  stage.style.cssText = "position:fixed;left:-20000px;top:0;width:480px";
  let place: Element = stage;
  for (const ancestor of ancestorsOf(picture)) {
    const same = ancestor.cloneNode(false) as HTMLElement;
    same.removeAttribute("id");
    same.classList.remove("lit");
    if (same.classList.contains("iit")) same.dataset.theme = "light";
    same.hidden = false;
    place.append(same);
    place = same;
  }
  const copy = picture.cloneNode(true) as SVGSVGElement;
  place.append(copy);
  document.body.append(stage);
  // All are looked at before the first is changed: what an element looks like hangs on the classes of those around it.
  for (const write of [...copy.querySelectorAll<SVGElement>("*")].map(styled)) write();
  stage.remove();
  const { x, y, width, height } = picture.viewBox.baseVal;
  const [left, below] = [axes.y ? 18 : 4, axes.x ? 18 : 4];
  copy.removeAttribute("style"); // how large it may be on the page
  copy.setAttribute("x", String(left));
  copy.setAttribute("y", "4");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  copy.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  for (const name of ["class", "role", "aria-label"]) copy.removeAttribute(name);
  const [wide, high] = [width + left + 4, height + 4 + below];
  return sheet(
    wide,
    high,
    title,
    copy,
    axes.x ? text(left + width / 2, high - 6, axes.x, "middle") : null,
    axes.y ? upright(11, 4 + height / 2, axes.y) : null,
  );
}

function ancestorsOf(element: Element): Element[] {
  const found: Element[] = [];
  for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) found.unshift(at);
  return found;
}

function styled(element: SVGElement): () => void {
  const style = getComputedStyle(element);
  const values = KEPT.map((name): [string, string] => [name, style.getPropertyValue(name)]);
  const paints = (["fill", "stroke"] as const).map((name) => ({
    name,
    value: style.getPropertyValue(name),
    opacity: Number(style.getPropertyValue(`${name}-opacity`)),
  }));
  return () => {
    for (const [name, value] of values) element.setAttribute(name, value);
    for (const { name, value, opacity } of paints) paint(element, name, value, opacity);
    for (const { name } of [...element.attributes])
      if (/^(class|tabindex|role|data-|aria-)/.test(name)) element.removeAttribute(name);
  };
}

/** A colour as six digits and an opacity, which all readers of SVG know. */
function paint(element: SVGElement, name: "fill" | "stroke", value: string, opacity: number): void {
  const [color, alpha] = value === "none" ? ["none", 1] : plain(value);
  const whole = alpha * opacity;
  element.setAttribute(name, whole < HAZE ? "none" : color);
  if (whole < 1 && whole >= HAZE) element.setAttribute(`${name}-opacity`, String(Number(whole.toFixed(3))));
  else element.removeAttribute(`${name}-opacity`);
}

function plain(color: string): [string, number] {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  if (!context) return [INK, 1];
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0, alpha = 255] = context.getImageData(0, 0, 1, 1).data;
  const hex = [red, green, blue].map((channel) => channel.toString(16).padStart(2, "0")).join("");
  return [`#${hex}`, alpha / 255];
}

export const svgText = (picture: SVGSVGElement): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(picture)}\n`;

export async function pngOf(picture: SVGSVGElement): Promise<Blob> {
  const { width, height } = picture.viewBox.baseVal;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(picture))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * FINER);
  canvas.height = Math.ceil(height * FINER);
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return blobOf(canvas);
}

export const blobOf = (canvas: HTMLCanvasElement): Promise<Blob> =>
  new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The browser cannot make a PNG of this size.")))),
  );
