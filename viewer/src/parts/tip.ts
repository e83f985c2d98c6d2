// One tooltip for the whole page.
import { fill, h } from "../dom";
import type { Term } from "../scales/glossary";
import { termWords } from "../scales/glossary";

/** Plain words, or a name with its value. */
type Line = string | [name: string, value: string];

export class Tip {
  readonly element = h("div", { class: "tip", role: "tooltip", hidden: true });

  /** Shows lines of text beside a point of the window; the first is the title. */
  show(x: number, y: number, title: string, lines: Line[] = []): void {
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

  /** Explains the word of the glossary that an element has, `data-term`, while it is hovered or has the focus. */
  term<Word extends HTMLElement>(element: Word, term: Term): Word {
    element.dataset.term = term;
    this.listen(element, () => {
      const now = element.dataset.term as Term;
      return [now, [termWords(now)]];
    });
    return element;
  }

  hide(): void {
    this.element.hidden = true;
  }

  /** Shows the text while an element is hovered or has the focus. */
  on(element: Element, title: string, lines: Line[] = []): void {
    this.listen(element, () => [title, lines]);
  }

  private listen(element: Element, words: () => [title: string, lines: Line[]]): void {
    const show = () => {
      const box = element.getBoundingClientRect();
      this.show(box.left, box.bottom - 6, ...words());
    };
    for (const event of ["mouseenter", "focus"]) element.addEventListener(event, show);
    for (const event of ["mouseleave", "blur"]) element.addEventListener(event, () => this.hide());
  }
}
