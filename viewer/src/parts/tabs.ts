// Tabs for narrow windows; on wide ones all panels stand side by side and the tabs are gone.
import { h } from "../dom";

export interface Tab {
  id: string;
  name: string;
  /** The end of the name, for which narrow windows have no room. */
  rest: string;
  panel: HTMLElement;
}

/** Which of them is chosen is told, and can be set from outside: `choose(null)` is the first. */
export function tabs(
  list: readonly Tab[],
  chose: (id: string) => void,
): { element: HTMLElement; choose: (id: string | null) => void } {
  const buttons = list.map(({ id, name, rest }) =>
    h(
      "button",
      { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}`, "aria-label": name + rest, tabindex: -1 },
      name,
      h("span", {}, rest),
    ),
  );
  const choose = (chosen: number) => {
    list.forEach(({ panel }, at) => panel.classList.toggle("chosen", at === chosen));
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(at === chosen));
      button.tabIndex = at === chosen ? 0 : -1;
    });
  };
  buttons.forEach((button, at) => {
    button.addEventListener("click", () => chose(list[at]?.id ?? ""));
    button.addEventListener("keydown", (event) => {
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (!by) return;
      event.stopPropagation();
      // A card that there is nothing to show in has no tab.
      const seen = buttons.filter((one) => one.checkVisibility());
      const next = seen[(seen.indexOf(button) + by + seen.length) % seen.length] ?? button;
      next.click();
      next.focus();
    });
  });
  list.forEach(({ id, panel }) => {
    panel.id = `panel-${id}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${id}`);
  });
  const element = h(
    "div",
    { class: "side" },
    h("div", { class: "tabs", role: "tablist" }, ...buttons),
    ...list.map(({ panel }) => panel),
  );
  const place = (id: string | null) =>
    Math.max(
      0,
      list.findIndex((tab) => tab.id === id),
    );
  return { element, choose: (id) => choose(place(id)) };
}
