// Light or dark: TensorBoard's own choice in its tab, else the person's, else the system's.
import type { Home } from "./data/types";

export type Theme = "light" | "dark";
const KEY = "lightning-iit-theme";

export function firstTheme(home: Home): Theme {
  if (home === "tensorboard") return outerTheme() ?? systemTheme();
  return storedTheme() ?? systemTheme();
}

export function storeTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A sandboxed frame has no storage: the choice lasts as long as the page.
  }
}

/** Of a page that keeps no state: shows it in its first theme, and in the other one where the button is pressed. */
export function switchable(root: HTMLElement, button: HTMLElement): void {
  const show = (theme: Theme) => {
    root.dataset.theme = theme;
    document.body.dataset.theme = theme;
  };
  button.addEventListener("click", () => {
    const other = root.dataset.theme === "dark" ? "light" : "dark";
    storeTheme(other);
    show(other);
  });
  show(firstTheme("page"));
}

/** Follows TensorBoard's dark mode. */
export function watchOuterTheme(changed: (theme: Theme) => void): void {
  const body = outerBody();
  if (!body) return;
  new MutationObserver(() => changed(outerTheme() ?? "light")).observe(body, { attributes: true, attributeFilter: ["class"] });
}

function storedTheme(): Theme | null {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : null;
  } catch {
    return null;
  }
}

const systemTheme = (): Theme => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

function outerTheme(): Theme | null {
  const body = outerBody();
  return body ? (body.classList.contains("dark-mode") ? "dark" : "light") : null;
}

function outerBody(): HTMLElement | null {
  try {
    return window.parent !== window ? window.parent.document.body : null;
  } catch {
    return null;
  }
}
