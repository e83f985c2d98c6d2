// The menu that copies a link to what is shown, and saves what the panels show as files.
import type { Home } from "../data/types";
import { fill, h } from "../dom";
import type { Context } from "../panels/panel";
import type { Figure, Form } from "../save/figure";
import { fileName, formsOf, save } from "../save/figure";
import { captioned, pngOf, svgText } from "../save/paper";
import { kindCaption } from "../scales/kind";
import { shownSide } from "../state/app";

const FORMS: Record<Form, string> = { svg: "SVG", png: "PNG", csv: "CSV", json: "JSON", webm: "WebM" };
const CUT_OFF =
  "This frame allows no downloads and has no address. Download this file and open it by itself: then it has a menu for links, pictures, numbers and a film.";

/** In a frame that the browser has cut off a line says where the menu is. */
export const cutOffNote = (): HTMLElement => h("p", { class: "cut-off" }, CUT_OFF);

export function shareMenu(context: Context, figures: readonly Figure[], home: Home): HTMLElement {
  const button = h("button", { class: "quiet", type: "button", "aria-expanded": "false", "aria-haspopup": "true" }, "Share");
  const said = h("p", { class: "said", role: "status" });
  const list = h("div", { class: "share-list" });
  const menu = h("div", { class: "share-menu", role: "dialog", "aria-label": "Share", hidden: true }, list, said);
  const element = h("div", { class: "share" }, button, menu);
  let running: AbortController | null = null;
  const say = (...words: (Node | string)[]) => fill(said, ...words);

  const start = async (figure: Figure, form: Form) => {
    if (running) return;
    running = new AbortController();
    try {
      if (form === "webm") say("Recording …", stopButton(running));
      const told = (part: number) => {
        const words = said.firstChild;
        if (words) words.textContent = `Recording: ${Math.round(100 * part)} % `;
      };
      const content = await contentOf(figure, form, told, running.signal);
      const name = fileName(nameOf(context, figure), form);
      save(name, content);
      say(`Saved: ${name}`);
    } catch (error) {
      say(`This could not be saved: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      running = null;
    }
  };

  const draw = () => {
    const rows = figures
      .filter((figure) => figure.there())
      .map((figure) =>
        h(
          "div",
          { class: "share-row", "data-figure": figure.file },
          h("span", {}, figure.name),
          ...formsOf(figure).map((form) => {
            const one = h(
              "button",
              { type: "button", "data-form": form, "aria-label": `${figure.name} as ${FORMS[form]}` },
              FORMS[form],
            );
            one.addEventListener("click", () => void start(figure, form));
            return one;
          }),
        ),
      );
    // TensorBoard's address says nothing of what its tab shows.
    fill(list, home === "tensorboard" ? null : linkRow(say), ...rows);
  };

  const open = (isOpen: boolean) => {
    menu.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    if (!running) say();
    draw();
    list.querySelector("button")?.focus();
  };
  button.addEventListener("click", () => open(Boolean(menu.hidden)));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.hidden) return;
    event.stopPropagation();
    open(false);
    button.focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!menu.hidden && !element.contains(event.target as Node)) open(false);
  });
  return element;
}

function linkRow(say: (...words: (Node | string)[]) => void): HTMLElement {
  const copy = h("button", { type: "button", "data-action": "copy-link" }, "Copy link");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link to what is shown is copied.");
    } catch {
      const field = h("input", { readonly: true, value: location.href, "aria-label": "Link to what is shown" });
      say("The browser copies nothing here; this is the link: ", field);
      field.select();
    }
  });
  return h("div", { class: "share-row" }, h("span", {}, "What is shown"), copy);
}

function stopButton(running: AbortController): HTMLElement {
  const stop = h("button", { type: "button" }, "Stop here");
  stop.addEventListener("click", () => running.abort());
  return stop;
}

async function contentOf(figure: Figure, form: Form, told: (part: number) => void, signal: AbortSignal): Promise<Blob | string> {
  const { svg, png, csv, json, webm } = figure;
  const picture = () => captioned((svg as () => SVGSVGElement)(), kindCaption(figure.kind()));
  if (form === "svg" && svg) return new Blob([svgText(picture())], { type: "image/svg+xml" });
  if (form === "png" && png) return png();
  if (form === "png" && svg) return pngOf(picture());
  if (form === "csv" && csv) return new Blob([csv()], { type: "text/csv;charset=utf-8" });
  if (form === "json" && json) return new Blob([await json()], { type: "application/json" });
  if (form === "webm" && webm) return webm(told, signal);
  throw new Error(`there is no ${FORMS[form]} of ${figure.name}.`);
}

/** What it is, and of which run, layer and epoch. */
function nameOf({ store }: Context, figure: Figure): string[] {
  const side = shownSide(store.state);
  const { layer } = store.state;
  const epoch = side?.record?.epoch ?? store.state.epoch;
  const run = side?.run.name ?? "";
  const where = figure.webm || epoch === null ? [] : [`epoch=${epoch}`];
  return [figure.file, run, layer ?? "", ...where].filter(Boolean);
}
