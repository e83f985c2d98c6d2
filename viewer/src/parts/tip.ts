// One tooltip for the whole page.
import { fill, h } from "../dom";
import type { Term } from "../scales/glossary";
import { termWords } from "../scales/glossary";

export class Tip {
  readonly element = h("div", { class: "tip", role: "tooltip", hidden: true });

  /** Shows lines of text beside a point of the window; the first is the title. */
  show(x: number, y: number, title: string, lines: (string | [string, string])[] = []): void {
    fill(
      this.element,
      h("div", { class: "tip-title" }, title),
      ...lines.map((line) =>
        typeof line === "string"
          ? h("div", { class: "tip-note" }, line)
          : h("div", { class: "tip-row" }, h("span", {}, line[0]), h("b", {}, line[1])),
      ),
    );
    this.element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = x + 16 + width > window.innerWidth ? x - width - 14 : x + 16;
    const top = Math.min(window.innerHeight - height - 6, Math.max(6, y + 14));
    this.element.style.transform = `translate(${Math.max(6, left)}px, ${top}px)`;
  }

  /** Explains a word of the glossary while the element that has it is hovered or has the focus. */
  term<Word extends HTMLElement>(element: Word, term: Term): Word {
    element.dataset.term = term;
    this.on(element, term, [termWords(term)]);
    return element;
  }

  hide(): void {
    this.element.hidden = true;
  }

  /** Shows the text while an element is hovered or has the focus. */
  on(element: Element, title: string, lines: (string | [string, string])[] = []): void {
    element.addEventListener("mouseenter", () => {
      const box = element.getBoundingClientRect();
      this.show(box.left, box.bottom - 6, title, lines);
    });
    element.addEventListener("mouseleave", () => this.hide());
    element.addEventListener("focus", () => {
      const box = element.getBoundingClientRect();
      this.show(box.left, box.bottom - 6, title, lines);
    });
    element.addEventListener("blur", () => this.hide());
  }
}
