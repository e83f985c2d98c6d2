// The tour: a window over the page, or a page by itself, that explains Φ on a system of three parts, step by step.
import { fill, h } from "../dom";
import { phi3 } from "../engine/iit3";
import { drawing } from "./drawing";
import type { Now } from "./parts";
import { PARTS } from "./parts";
import type { Step } from "./steps";
import { STEPS } from "./steps";
import { connection, KINDS, systemOf } from "./systems";

const ERROR = 0.05;

/** Opens the tour over a page, and says when it is closed; there is one at a time. A page that holds nothing else keeps it: `null`. */
export function tour(root: HTMLElement, closed: (() => void) | null): void {
  if (root.querySelector(".tour")) return;
  const title = h("h2", { id: "tour-title", tabindex: -1 });
  const body = h("div", { class: "tour-body" });
  const told = h("p", { class: "visually-hidden", role: "status" }); // stays, so that screen readers tell what changes in it
  const count = h("span", { class: "tour-count" });
  const dots = h("span", { class: "tour-dots", "aria-hidden": "true" }, ...STEPS.map(() => h("i", {})));
  const back = h("button", { type: "button", class: "quiet", "data-action": "back" }, "Back");
  const on = h("button", { type: "button", class: "primary", "data-action": "on" });
  const leave = h("button", { type: "button", class: "quiet", "aria-label": "Close the tour (Esc)", "data-action": "close" }, "×");
  const dialog = h(
    "dialog",
    { class: "tour", "aria-labelledby": "tour-title" },
    h("div", { class: "tour-top" }, title, closed && leave),
    body,
    told,
    h("div", { class: "tour-foot" }, back, dots, count, on),
  );
  let at = 0;
  let redraw = () => {};

  /** Draws again what follows from a change; what has the focus keeps it. */
  const draw = () => {
    const focused = document.activeElement as HTMLElement | null;
    const key = dialog.contains(focused) ? focused?.dataset.key : undefined;
    redraw();
    told.textContent = body.querySelector(".tour-says")?.textContent ?? "";
    if (key) body.querySelector<HTMLElement>(`[data-key="${key}"]`)?.focus();
  };
  const go = (to: number) => {
    const step = STEPS[to];
    if (!step) return;
    at = to;
    const made = view(step, draw);
    redraw = made.redraw;
    title.textContent = step.title;
    fill(body, ...made.elements);
    draw();
    back.disabled = at === 0;
    on.textContent = at < STEPS.length - 1 ? "Next" : closed ? "Done" : "Again";
    count.textContent = `${at + 1} of ${STEPS.length}`;
    [...dots.children].forEach((dot, k) => dot.classList.toggle("current", k === at));
    dialog.scrollTop = 0;
    if (!closed) window.scrollTo(0, 0);
    title.focus({ preventScroll: true });
  };
  const next = () => (at < STEPS.length - 1 ? go(at + 1) : closed ? dialog.close() : go(0));
  back.addEventListener("click", () => go(at - 1));
  on.addEventListener("click", next);
  leave.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed?.();
  });
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the keys of the page rest
    const target = event.target as HTMLElement;
    if (target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && target === title) next();
    else if (event.key === "ArrowRight") go(at + 1);
    else if (event.key === "ArrowLeft") go(at - 1);
    else return;
    event.preventDefault();
  });
  root.append(dialog);
  if (closed) dialog.showModal();
  else dialog.show();
  go(0);
}

/** The words of a step, the picture, and what stands beside it, with the system as it is at the beginning of the step. */
function view(step: Step, changed: () => void): { elements: HTMLElement[]; redraw: () => void } {
  let now: Now = { kind: step.kind, state: step.state, cut: new Set(step.cut), error: ERROR, mechanism: 1 };
  const change = (part: Partial<Now>) => {
    now = { ...now, ...part };
    changed();
  };
  const sever = (from: number, to: number) => {
    const cut = new Set(now.cut);
    const one = connection(from, to);
    if (!cut.delete(one)) cut.add(one);
    change({ cut });
  };
  const flip = (node: number) => change({ state: now.state ^ (1 << node) });
  const picture = h("div", { class: "tour-picture" });
  const slots = step.parts.map((part) => ({ part, element: h("div", {}) }));
  const redraw = () => {
    const phi = phi3(systemOf(now));
    const weakest = step.parts.includes("phi") ? (phi?.cut ?? null) : null;
    const rule = `${KINDS[now.kind].rule} Each gate errs in ${Math.round(100 * now.error)} % of all cases.`;
    fill(picture, drawing(now, weakest, { flip, sever: step.cutting ? sever : null }), h("p", {}, rule));
    for (const { part, element } of slots) {
      if (part === "training" && element.firstChild) continue; // its slider may be in a hand
      fill(element, PARTS[part](now, change, phi));
    }
  };
  const words = [...step.words.map((text) => h("p", {}, text)), h("p", { class: "tour-task" }, step.task)];
  const beside = h("div", { class: "tour-parts" }, ...slots.map(({ element }) => element));
  return { elements: [h("div", { class: "tour-words" }, ...words), picture, beside], redraw };
}
