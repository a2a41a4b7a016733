// Our class names must not be Tabler's, but for those that we restyle on purpose: a clash brings its looks in unseen.
import { readFileSync, readdirSync } from "node:fs";

const restyled = /^(btn|btn-primary|btn-link|form-.*|invalid-feedback|is-invalid|kbd|strong|visually-hidden|[mp][tbsexy]?-n?\d|w-100|d-block|gap-5|active)$/;
const styles = new URL("../src/styles/", import.meta.url);
const theirs = classes(readFileSync(new URL("../node_modules/@tabler/core/dist/css/tabler.css", import.meta.url), "utf8"));
const ours = new Set(readdirSync(styles).flatMap((file) => [...classes(readFileSync(new URL(file, styles), "utf8"))]));

const clashes = [...ours].filter((name) => theirs.has(name) && !restyled.test(name));
console.log(clashes.length ? `taken by Tabler: ${clashes.join(" ")}` : `classes: ${ours.size}, none taken by Tabler`);
process.exitCode = clashes.length ? 1 : 0;

function classes(css) {
  const selectors = css.replace(/\/\*[^]*?\*\/|url\([^)]*\)/g, "").replace(/\{[^{}]*\}/g, "{}");
  return new Set([...selectors.matchAll(/\.([a-z][\w-]*)/gi)].map(([, name]) => name));
}
