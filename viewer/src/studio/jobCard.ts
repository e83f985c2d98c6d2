// One training in the list: what it is, how far it is, and what can be done with it.
import { fill, h, s } from "../dom";
import type { JobState } from "../generated/studio";
import { symbolOf } from "../scales/formalism";
import { number } from "../scales/format";
import { sparkline } from "../scales/training";
import type { Client } from "./client";
import { wordsOf } from "./client";
import { comingWords, courseWords, epochWords, isAlive, PHASES, part, phiWords, whenWords } from "./words";

export interface JobCard {
  element: HTMLElement;
  isTicked(): boolean;
  update(job: JobState): void;
}

export interface JobActions {
  ticked(): void;
  again(job: JobState): void;
}

export function jobCard(first: JobState, client: Client, actions: JobActions): JobCard {
  let job = first;
  const href = `view/#run=${encodeURIComponent(first.name)}`;
  const tick = h("input", { type: "checkbox", "aria-label": `Compare ${first.name}` });
  const name = h("h3", {});
  const phase = h("span", { class: "phase" });
  const made = h("div", { class: "made" });
  const facts = h("div", { class: "facts" });
  const phis = h("div", { class: "phis" });
  const reason = h("p", { class: "reason" });
  const output = h("pre", { class: "output", tabindex: 0, "aria-label": `The end of what ${first.name} printed` });
  const open = h("a", { class: "plain", href }, "Look and steer");
  const stop = h("button", { class: "plain", type: "button", "aria-label": `Stop ${first.name}` }, "Stop");
  const again = h(
    "button",
    { class: "plain", type: "button", "aria-label": `Start again … as ${first.name}, with other values` },
    "Start again …",
  );
  const said = h("p", { class: "said refused", role: "status" });
  const files = filesOf(first.name, client);
  tick.addEventListener("change", actions.ticked);
  again.addEventListener("click", () => actions.again(job));
  stop.addEventListener("click", async () => {
    stop.disabled = true;
    fill(stop, "Stopping …");
    fill(said);
    try {
      await client.stop(job.name);
    } catch (error) {
      fill(said, wordsOf(error));
    } finally {
      fill(stop, "Stop");
      stop.disabled = !client.mayStart;
    }
  });
  const element = h(
    "li",
    { class: "card job", "data-job": first.name },
    h(
      "div",
      { class: "job-top" },
      h("label", { class: "tick" }, tick),
      name,
      phase,
      h("span", { class: "grow" }),
      open,
      stop,
      again,
    ),
    h(
      "p",
      { class: "job-what" },
      `${first.network} · ${first.task} · seed ${first.seed} · asked for at ${whenWords(first.created)}`,
    ),
    h("div", { class: "job-numbers" }, made, facts, phis),
    reason,
    output,
    said,
    files,
  );
  const update = (now: JobState) => {
    job = now;
    const alive = isAlive(now);
    element.dataset.phase = now.phase;
    tick.disabled = !now.courses.length;
    if (tick.disabled) tick.checked = false;
    fill(name, now.viewable ? h("a", { href }, now.name) : now.name);
    phase.className = `phase ${now.phase}`;
    fill(phase, h("i"), PHASES[now.phase]);
    fill(made, h("b", {}, epochWords(now)), bar(part(now)));
    fill(
      facts,
      now.loss === null ? null : fact("loss", now.loss_name, number(now.loss, 3)),
      now.accuracy === null ? null : fact("accuracy", now.accuracy_name, `${number(100 * now.accuracy, 3)} %`),
    );
    const coming = comingWords(now);
    fill(phis, coming ? h("small", {}, coming) : null, ...now.courses.map(courseOf));
    fill(reason, now.reason);
    reason.hidden = !now.reason;
    if (output.textContent !== now.output) fill(output, now.output);
    output.hidden = !now.output;
    open.hidden = !now.viewable;
    open.textContent = alive ? "Look and steer" : "Look";
    stop.hidden = !alive;
    if (stop.textContent === "Stop") stop.disabled = !client.mayStart;
  };
  update(first);
  return { element, isTicked: () => tick.checked, update };
}

function courseOf(course: JobState["courses"][number]): HTMLElement {
  const { now, words } = phiWords(course);
  const points = sparkline(course.phis, 84, 22);
  return h(
    "div",
    { class: `course ${course.kind}`, "data-layer": course.layer, title: courseWords(course) },
    h("span", { class: "course-name" }, `${symbolOf(course.formalism)} of ${course.layer}`),
    h("b", {}, now),
    points ? s("svg", { viewBox: "0 0 84 22", class: "spark", "aria-hidden": "true" }, s("polyline", { points })) : null,
    h("small", {}, words),
  );
}

function bar(done: number): HTMLElement {
  const now = Math.round(100 * done);
  const told = { "aria-valuenow": now, "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": "Done" };
  return h("div", { class: "bar-of", role: "progressbar", ...told }, h("i", { style: { width: `${now}%` } }));
}

function fact(of: string, name: string, text: string): HTMLElement {
  return h("div", { class: "fact", "data-fact": of }, h("span", {}, name), h("b", {}, text));
}

/** The YAML that runs and the end of the output, which are asked for when they are opened. */
function filesOf(name: string, client: Client): HTMLElement {
  const place = h("div", {});
  const element = h("details", { class: "files" }, h("summary", {}, "YAML and output"), place);
  element.addEventListener("toggle", async () => {
    if (!element.open) return;
    try {
      const { yaml, output } = await client.text(name);
      fill(
        place,
        h("pre", { tabindex: 0, "aria-label": `YAML of ${name}` }, yaml),
        h("pre", { tabindex: 0, "aria-label": `Output of ${name}` }, output || "Nothing was printed yet."),
      );
    } catch (error) {
      fill(place, h("p", { class: "reason" }, wordsOf(error)));
    }
  });
  return element;
}
