// The tour as a page by itself, docs/tour.html: one file that needs no run, no server and nothing from elsewhere.
import baseStyle from "../base.css?inline";
import { h } from "../dom";
import { mark, themeIcon } from "../parts/brand";
import { switchable } from "../theme";
import aloneStyle from "./alone.css?inline";
import { tour } from "./tour";
import tourStyle from "./tour.css?inline";

const sheet = new CSSStyleSheet();
sheet.replaceSync(baseStyle + tourStyle + aloneStyle);
document.adoptedStyleSheets = [sheet];

const other = h("button", { type: "button", class: "quiet", "aria-label": "Light or dark" }, themeIcon());
const words = h(
  "p",
  {},
  "Integrated information in systems of three parts, computed in this page. It belongs to ",
  h("a", { href: "../README.md" }, "lightning-iit"),
  ", which watches Φ of a neural network while it trains.",
);
const main = h("main", {});
const root = h("div", { class: "iit alone" }, h("header", {}, mark(), h("h1", {}, "What is Φ?"), other, words), main);

switchable(root, other);
document.body.replaceChildren(root);
tour(main, null);
