// The list of trainings, and the comparison of those that are ticked.
import { fill, h } from "../dom";
import type { JobState } from "../generated/studio";
import type { Client } from "./client";
import { wordsOf } from "./client";
import { comparison } from "./comparison";
import type { JobCard } from "./jobCard";
import { jobCard } from "./jobCard";
import { isRunning, runningFirst } from "./order";

/** On a telephone the form is several windows high: what runs stands above it. */
const NARROW = window.matchMedia("(max-width: 900px)");

export interface JobList {
  element: HTMLElement;
  /** In a narrow window those that run. */
  now: HTMLElement;
  show(jobs: readonly JobState[]): void;
}

export function jobList(client: Client, again: (job: JobState) => void): JobList {
  const cards = new Map<string, JobCard>();
  const list = h("ul", { class: "jobs" });
  const now = h("ul", { class: "jobs", "aria-label": "Running now", hidden: true });
  let known: readonly JobState[] = [];
  const place = () => {
    const isAbove = (job: JobState) => NARROW.matches && isRunning(job);
    for (const holder of [now, list]) {
      const wanted = runningFirst(known).filter((job) => isAbove(job) === (holder === now));
      wanted.forEach(({ name }, at) => {
        const card = cards.get(name)?.element ?? null;
        if (card && holder.children[at] !== card) holder.insertBefore(card, holder.children[at] ?? null);
      });
    }
    now.hidden = !known.some(isAbove);
  };
  NARROW.addEventListener("change", place);
  const empty = h("p", { class: "empty-list" }, "Nothing was trained here yet. Choose what to train, and press Start.");
  const count = h("span", { class: "job-count", role: "status" });
  const compare = h("button", { class: "plain", type: "button", disabled: true }, "Compare");
  const found = comparison();
  const ticked = () => [...cards].filter(([, card]) => card.isTicked()).map(([name]) => name);
  const able = () => {
    const many = ticked().length;
    compare.disabled = many < 2 || !client.mayStart;
    compare.textContent = many ? `Compare the ${many} ticked` : "Compare";
  };
  compare.addEventListener("click", async () => {
    compare.disabled = true;
    compare.textContent = "Comparing …";
    try {
      found.show(await client.compare(ticked()));
    } catch (error) {
      found.problem(wordsOf(error));
    } finally {
      able();
    }
  });
  const element = h(
    "section",
    { class: "trainings", "aria-label": "Trainings" },
    h("div", { class: "list-top" }, h("h2", {}, "Trainings"), count, h("span", { class: "grow" }), compare),
    found.element,
    empty,
    list,
  );
  return {
    element,
    now,
    show: (jobs) => {
      const names = new Set(jobs.map(({ name }) => name));
      for (const [name, card] of cards) {
        if (names.has(name)) continue;
        card.element.remove();
        cards.delete(name);
      }
      for (const job of jobs) {
        const card = cards.get(job.name);
        if (card) card.update(job);
        else cards.set(job.name, jobCard(job, client, { ticked: able, again }));
      }
      known = jobs;
      place();
      empty.hidden = jobs.length > 0;
      const waiting = jobs.filter(({ phase }) => phase === "waiting").length;
      const running = jobs.filter(isRunning).length;
      const above = now.hidden ? "" : ", shown above";
      fill(count, jobs.length ? `${running} running${above}, ${waiting} waiting to start` : "");
      able();
    },
  };
}
