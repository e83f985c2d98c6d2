// Tabs for narrow windows; on wide ones all panels stand side by side and the tabs are gone.
import { h } from "../dom";

export interface Tab {
  id: string;
  name: string;
  panel: HTMLElement;
}

export function tabs(list: readonly Tab[]): HTMLElement {
  const buttons = list.map(({ id, name }) =>
    h("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}`, tabindex: -1 }, name),
  );
  const choose = (chosen: number) => {
    list.forEach(({ panel }, at) => panel.classList.toggle("chosen", at === chosen));
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(at === chosen));
      button.tabIndex = at === chosen ? 0 : -1;
    });
  };
  buttons.forEach((button, at) => {
    button.addEventListener("click", () => choose(at));
    button.addEventListener("keydown", (event) => {
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (!by) return;
      event.stopPropagation();
      const next = (at + by + list.length) % list.length;
      choose(next);
      buttons[next]?.focus();
    });
  });
  list.forEach(({ id, panel }) => {
    panel.id = `panel-${id}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${id}`);
  });
  choose(0);
  return h("div", { class: "side" }, h("div", { class: "tabs", role: "tablist" }, ...buttons), ...list.map(({ panel }) => panel));
}
