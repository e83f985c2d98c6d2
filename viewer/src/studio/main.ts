// The studio's page: a form that starts trainings, and the list of them.
import baseStyle from "../base.css?inline";
import controlStyle from "../control.css?inline";
import { takeToken } from "../data/token";
import { fill, h } from "../dom";
import { mark, themeIcon } from "../parts/brand";
import style from "../style.css?inline";
import { switchable } from "../theme";
import { Client, wordsOf } from "./client";
import { jobList } from "./jobList";
import { startForm } from "./startForm";
import studioStyle from "./studio.css?inline";

async function render(): Promise<void> {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(baseStyle + style + controlStyle + studioStyle);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const client = new Client(new URL(/* @vite-ignore */ ".", import.meta.url), takeToken());
  const live = h("span", { class: "live" });
  const where = h("span", { class: "where-root" });
  const theme = h("button", { class: "quiet", type: "button", "aria-label": "Light or dark" }, themeIcon());
  const main = h("main", {});
  const root = h(
    "div",
    { class: "iit studio" },
    h(
      "header",
      { class: "top" },
      h("h1", { class: "brand" }, mark(), h("span", {}, "lightning", h("b", {}, "iit"), " studio")),
      where,
      h("span", { class: "grow" }),
      h("a", { class: "quiet back", href: "view/" }, "All runs"),
      live,
      theme,
    ),
    main,
  );
  switchable(root, theme);
  document.body.replaceChildren(root);
  try {
    const choices = await client.choices();
    const many = choices.at_once === 1 ? "one training" : `${choices.at_once} trainings`;
    fill(where, `${choices.root}, ${many} at a time`);
    const form = startForm(choices, client);
    const list = jobList(client, (job) => {
      void form.set({ ...job.asked, seeds: [job.seed] }, `As ${job.name}: change what you like, and press Start.`);
      form.element.scrollIntoView?.({ block: "start" });
    });
    fill(main, list.now, form.element, list.element);
    client.follow(
      ({ jobs }) => list.show(jobs),
      (told) => {
        live.className = `live ${told ? "on" : "lost"}`;
        fill(live, h("i"), told ? "connected" : "no answer");
      },
    );
  } catch (error) {
    fill(main, h("p", { class: "reason" }, wordsOf(error)));
  }
}

void render();
