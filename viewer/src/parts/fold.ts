// Chips that fold: as many as have room in whole rows, and a button that shows the others.
import { h } from "../dom";

/**
 * Lets the chips in `host` fold; how many rows they have is `--rows` in the style sheet. The pressed one is always seen,
 * and so is what was computed on request.
 *
 * The answer looks anew which of the chips that are there now have room; of others than before (`of`) it shows the first rows again.
 */
export function folding(host: HTMLElement, what: string): (of: string) => void {
  const more = h("button", { type: "button", class: "more-chips" });
  let open = false;
  let shown = "";
  let size = "";
  const settle = () => {
    more.remove();
    const chips = [...host.children] as HTMLElement[];
    for (const chip of chips) chip.hidden = false;
    const rows = Number(getComputedStyle(host).getPropertyValue("--rows")) || 1;
    const fits = rowsOf(host) <= rows;
    if (fits) open = false;
    host.classList.toggle("open", open);
    if (fits || !host.clientWidth) return;
    host.append(more);
    more.setAttribute("aria-expanded", String(open));
    const see = (many: number) => {
      for (const [at, chip] of chips.entries()) chip.hidden = at >= many && !stays(chip);
      const left = chips.filter(({ hidden }) => hidden).length;
      more.textContent = left ? `+${left} more` : "fewer";
      more.setAttribute("aria-label", left ? `${left} more ${what}` : `Fewer ${what}`);
    };
    if (open) return see(chips.length);
    let [least, most] = [0, chips.length - 1];
    while (least < most) {
      const many = Math.ceil((least + most) / 2);
      see(many);
      if (rowsOf(host) <= rows) least = many;
      else most = many - 1;
    }
    see(least);
  };
  more.addEventListener("click", () => {
    const first = [...host.children].find((chip) => (chip as HTMLElement).hidden);
    open = !open;
    settle();
    const next = open ? first : more;
    (next?.matches("button") ? (next as HTMLElement) : next?.querySelector("button"))?.focus();
  });
  const resized = () => {
    const now = `${host.clientWidth} ${getComputedStyle(host).getPropertyValue("--rows")}`;
    if (now !== size) settle();
    size = now;
  };
  new ResizeObserver(resized).observe(host);
  window.addEventListener("resize", resized);
  return (of) => {
    if (of !== shown) open = false;
    shown = of;
    settle();
  };
}

const stays = (chip: Element): boolean => chip.matches("[aria-pressed=true], [data-computed]");

const rowsOf = (host: HTMLElement): number =>
  new Set(([...host.children] as HTMLElement[]).filter(({ hidden }) => !hidden).map(({ offsetTop }) => offsetTop)).size;
