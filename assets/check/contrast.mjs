// Measures the tokens: WCAG contrast of each pair in both themes, and how far apart the chart series are (OKLab x 100)
// for normal, deutan, protan and tritan sight. Exits with 1 when a pair is under what it needs.
import { readFileSync } from "node:fs";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const colour = /--([\w-]+):\s*light-dark\((#[0-9a-f]{3,6}),\s*(#[0-9a-f]{3,6})\)/gi;
const tokens = new Map([...css.matchAll(colour)].map(([, name, light, dark]) => [name, [light, dark]]));
const themes = ["light", "dark"];

const grounds = ["chrome", "pane", "sunken", "raised", "hover", "selected"];
const pairs = [
  ...grounds.flatMap((ground) => [["ink", ground, 7], ["ink-2", ground, 4.5], ["ink-3", ground, 4.5], ["accent-ink", ground, 4.5]]),
  ["on-accent", "accent", 4.5], ["on-accent", "accent-hover", 4.5], ["accent-ink", "accent-tint", 4.5],
  ["field-line", "pane", 3], ["field-line", "sunken", 3], ["field-line", "raised", 3],
  ["accent", "pane", 3], ["accent", "chrome", 3], ["accent", "sunken", 3],
  ["on-inverse", "inverse", 7], ["inverse-link", "inverse", 4.5], ["on-late", "late-fill", 4.5],
  ...["late", "soon", "good"].flatMap((tone) => [
    ...["pane", "chrome", "sunken", "hover", "selected", `${tone}-tint`].map((ground) => [tone, ground, 4.5]),
    ["ink", `${tone}-tint`, 7],
  ]),
  ...[1, 2, 3, 4, 5, 6].map((n) => [`who-${n}-ink`, `who-${n}`, 4.5]),
  ...[1, 2, 3, 4, 5].map((n) => [`chart-${n}`, "pane", 3]),
];

// Machado 2009, severity 1, on linear RGB
const sights = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

const failed = [...pairs.flatMap(tooClose), ...themes.flatMap((_, theme) => Object.keys(sights).flatMap((sight) => alike(theme, sight)))];
for (const line of failed) console.log(line);
console.log(`contrast: ${pairs.length} pairs, ${failed.length} under what they need`);
process.exitCode = failed.length ? 1 : 0;

function tooClose([front, back, needed]) {
  return themes.flatMap((theme, at) => {
    const ratio = contrast(tokens.get(front)[at], tokens.get(back)[at]);
    return ratio >= needed ? [] : [`${front} on ${back}, ${theme}: ${ratio.toFixed(2)}, needs ${needed}`];
  });
}

function alike(theme, sight) {
  const series = [1, 2, 3, 4, 5].map((n) => seen(tokens.get(`chart-${n}`)[theme], sights[sight]));
  return series.flatMap((a, i) => series.slice(i + 1).flatMap((b, j) => {
    const distance = 100 * Math.hypot(...a.map((value, k) => value - b[k]));
    return distance >= 10 ? [] : [`chart-${i + 1} and chart-${i + j + 2}, ${themes[theme]}, ${sight}: ${distance.toFixed(1)}, needs 10`];
  }));
}

function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(hex) {
  const [red, green, blue] = linear(hex);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function linear(hex) {
  const long = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
  const parts = [1, 3, 5].map((at) => parseInt(long.slice(at, at + 2), 16) / 255);
  return parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
}

/** The colour in OKLab as an eye of this kind sees it. */
function seen(hex, sight) {
  const rgb = linear(hex);
  const [r, g, b] = [0, 3, 6].map((row) => Math.min(1, Math.max(0, sight[row] * rgb[0] + sight[row + 1] * rgb[1] + sight[row + 2] * rgb[2])));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}
