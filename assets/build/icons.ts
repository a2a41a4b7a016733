import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const root = new URL("../../", import.meta.url).pathname;
const rooms = ["platform", "tenants", "billing"];
const outlines = new URL("../node_modules/@tabler/icons/icons/outline/", import.meta.url);

/**
 * One sprite of the icons that pages name: quoted words in Jinja expressions, and in Python what is called icon.
 * A name inside `icon(…)` that Tabler does not have fails the build.
 */
export function icons(): Plugin {
  return {
    name: "okno-icons",
    buildStart() {
      const { wanted, unknown } = named();
      if (unknown.length) this.error(`Tabler has no such icons: ${unknown.join(", ")}`);
      const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${wanted.map(symbol).join("")}</svg>`;
      const own = readFileSync(new URL("../src/icon.svg", import.meta.url), "utf8");
      const app = ([192, 512] as const).map((size) => {
        const name = `icons/app-${size}.png`;
        return [name, readFileSync(new URL(`../src/${name}`, import.meta.url))] as const;
      });
      for (const [name, source] of [["icons.svg", sprite], ["icon.svg", own], ...app] as const) {
        this.emitFile({ type: "asset", name, originalFileName: name, source });
      }
    },
  };
}

function named(): { wanted: string[]; unknown: string[] } {
  const words = new Set<string>();
  const certain = new Set<string>();
  for (const file of rooms.flatMap(files)) {
    const text = readFileSync(file, "utf8");
    for (const [, word] of text.matchAll(/\bicon\(\s*["']([a-z0-9-]+)["']/g)) certain.add(word!);
    if (file.endsWith(".html")) {
      for (const [expression] of text.matchAll(/\{[{%][^]*?[}%]\}/g)) {
        for (const [, word] of expression.matchAll(/["']([a-z0-9-]+)["']/g)) words.add(word!);
      }
    } else {
      for (const [, word] of text.matchAll(/\bicon\w*["']?\s*[(:=]\s*["']([a-z0-9-]+)["']/g)) words.add(word!);
    }
  }
  const unknown = [...certain].filter((word) => !exists(word));
  return { wanted: [...words].filter(exists).sort(), unknown };
}

function files(room: string): string[] {
  const names = readdirSync(join(root, room), { encoding: "utf8", recursive: true });
  return names.filter((name) => /\.(html|py)$/.test(name)).map((name) => join(root, room, name));
}

function exists(name: string): boolean {
  return existsSync(new URL(`${name}.svg`, outlines));
}

function symbol(name: string): string {
  const svg = readFileSync(new URL(`${name}.svg`, outlines), "utf8");
  const shapes = svg.replace(/^[^]*?<svg[^]*?>/, "").replace(/<\/svg>[^]*$/, "").replace(/<path stroke="none"[^>]*>/, "");
  const look = 'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"';
  return `<symbol id="${name}" ${look}>${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}
