// The list of trainings, and the comparison of those that are ticked.
import { fill, h } from "../dom";
import type { JobState } from "../generated/studio";
import type { Client } from "./client";
import { wordsOf } from "./client";
import { comparison } from "./comparison";
import type { JobCard } from "./jobCard";
import { jobCard } from "./jobCard";

export interface JobList {
  element: HTMLElement;
  show(jobs: readonly JobState[]): void;
}

export function jobList(client: Client, again: (job: JobState) => void): JobList {
  const cards = new Map<string, JobCard>();
  const list = h("ul", { class: "jobs" });
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
    show: (jobs) => {
      const names = new Set(jobs.map(({ name }) => name));
      for (const [name, card] of cards) {
        if (names.has(name)) continue;
        card.element.remove();
        cards.delete(name);
      }
      jobs.forEach((job, at) => {
        const known = cards.get(job.name);
        if (known) known.update(job);
        else cards.set(job.name, jobCard(job, client, { ticked: able, again }));
        const card = cards.get(job.name)?.element ?? null;
        if (card && list.children[at] !== card) list.insertBefore(card, list.children[at] ?? null);
      });
      empty.hidden = jobs.length > 0;
      const waiting = jobs.filter(({ phase }) => phase === "waiting").length;
      const running = jobs.filter(({ phase }) => ["running", "paused", "ending"].includes(phase)).length;
      fill(count, jobs.length ? `${running} running, ${waiting} waiting` : "");
      able();
    },
  };
}
