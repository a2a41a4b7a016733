import { defineConfig } from "vite";
import { fonts } from "./build/fonts.ts";
import { icons } from "./build/icons.ts";
import { packed } from "./build/packed.ts";

// The page assets: src/main.ts and src/main.scss, written with hashed names and a manifest where Flask serves them.
export default defineConfig({
  root: "src",
  base: "./",
  plugins: [fonts(), icons(), packed()],
  build: {
    outDir: "../../platform/core/static/build",
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsDir: "",
    assetsInlineLimit: 0, // the content policy allows no data: scripts or fonts, and a file is cached
    modulePreload: { polyfill: false },
    target: ["chrome123", "firefox128", "safari18"], // what knows light-dark() and :has()
    rolldownOptions: { input: ["src/main.ts", "src/main.scss", "src/service-worker.ts", "src/form.ts", "src/form.css", "src/embed.ts", "src/client.css", "src/door.css", "src/reference.css"] },
  },
});
