// One tab stop for many elements: Tab goes to one of them and on from there, the arrows, Home and End go between them.

/**
 * Makes one tab stop of the elements in `host` that match `selector`, also of those that come later.
 *
 * In a table the arrows up and down go from row to row, left and right within a row; in a list all four go along the list.
 */
export function oneTabStop(host: Element, selector: string): void {
  const all = () => [...host.querySelectorAll<HTMLElement | SVGElement>(selector)];
  const settle = (wanted?: EventTarget | null) => {
    const found = all();
    const stop = found.find((one) => one === wanted) ?? found.find((one) => one.tabIndex === 0) ?? found[0];
    for (const one of found) one.tabIndex = one === stop ? 0 : -1;
  };
  new MutationObserver(() => settle()).observe(host, { childList: true, subtree: true });
  host.addEventListener("focusin", (event) => settle((event.target as Element).closest(selector)));
  host.addEventListener("keydown", (event) => {
    const { key, target } = event as KeyboardEvent;
    const next = nextOf(linesOf(all().filter((one) => one.checkVisibility())), target as Element, key);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    (next as HTMLElement).focus();
  });
  settle();
}

/** The elements by the rows of the table that they are in; those of no table are one line. */
const linesOf = (found: readonly Element[]): Element[][] =>
  [...new Set(found.map((one) => one.closest("tr")))].map((row) => found.filter((one) => one.closest("tr") === row));

function nextOf(lines: readonly Element[][], from: Element, key: string): Element | null {
  const row = lines.findIndex((line) => line.includes(from));
  const line = lines[row];
  if (!line) return null;
  const column = line.indexOf(from);
  const beside = (by: number) => line[column + by] ?? from;
  const across = (to: number) => lines[to]?.[Math.min(column, (lines[to]?.length ?? 1) - 1)] ?? from;
  const single = lines.length === 1;
  switch (key) {
    case "ArrowLeft":
      return beside(-1);
    case "ArrowRight":
      return beside(1);
    case "ArrowUp":
      return single ? beside(-1) : across(row - 1);
    case "ArrowDown":
      return single ? beside(1) : across(row + 1);
    case "Home":
      return lines[0]?.[0] ?? from;
    case "End":
      return lines.at(-1)?.at(-1) ?? from;
    default:
      return null;
  }
}
