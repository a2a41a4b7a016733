import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Plugin } from "vite";

const pages = new URL("../../platform/", import.meta.url).pathname;
const outlines = new URL("../node_modules/@tabler/icons/icons/outline/", import.meta.url);

/** One sprite of the icons that pages name: any quoted word in a Jinja expression, or `icon…"name"` in Python. */
export function icons(): Plugin {
  return {
    name: "okno-icons",
    buildStart() {
      const symbols = [...named()].sort().map(symbol);
      this.emitFile({
        type: "asset",
        name: "icons.svg",
        originalFileName: "icons.svg",
        source: `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`,
      });
      const own = new URL("../src/icon.svg", import.meta.url);
      this.emitFile({ type: "asset", name: "icon.svg", originalFileName: "icon.svg", source: readFileSync(own) });
    },
  };
}

function named(): Set<string> {
  const words = new Set<string>();
  for (const file of readdirSync(pages, { encoding: "utf8", recursive: true })) {
    if (!/\.(html|py)$/.test(file)) continue;
    const text = readFileSync(pages + file, "utf8");
    if (file.endsWith(".html")) {
      for (const [expression] of text.matchAll(/\{[{%][^]*?[}%]\}/g)) {
        for (const [, word] of expression.matchAll(/["']([a-z0-9-]+)["']/g)) words.add(word!);
      }
    } else {
      for (const [, word] of text.matchAll(/icon\w*["']?\]?(?::\s*\w+)?\s*[(:=]\s*["']([a-z0-9-]+)["']/g)) words.add(word!);
    }
  }
  return new Set([...words].filter((word) => existsSync(new URL(`${word}.svg`, outlines))));
}

function symbol(name: string): string {
  const svg = readFileSync(new URL(`${name}.svg`, outlines), "utf8");
  const shapes = svg.replace(/^[^]*?<svg[^]*?>/, "").replace(/<\/svg>[^]*$/, "").replace(/<path stroke="none"[^>]*>/, "");
  const look = 'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"';
  return `<symbol id="${name}" ${look}>${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}
