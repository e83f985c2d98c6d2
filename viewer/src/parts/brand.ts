// The mark of the project, and the sign of light and dark.
import { s } from "../dom";

export function mark(): SVGElement {
  return s(
    "svg",
    { viewBox: "0 0 32 32", class: "mark", "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 8 }),
    s("circle", { cx: 16, cy: 16, r: 6.6 }),
    s("path", { d: "M16 5.5v21" }),
  );
}

export function themeIcon(): SVGElement {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    s("circle", { cx: 12, cy: 12, r: 8, fill: "none", stroke: "currentColor", "stroke-width": 2 }),
    s("path", { d: "M12 4a8 8 0 0 1 0 16z", fill: "currentColor" }),
  );
}
