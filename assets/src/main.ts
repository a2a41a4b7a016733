import "@hotwired/turbo";
import { Application, type ControllerConstructor } from "@hotwired/stimulus";
import "./between-pages";

type Controller = { default: ControllerConstructor };

const application = Application.start();
const controllers = import.meta.glob<Controller>("./controllers/*.ts", { eager: true });
for (const [path, { default: controller }] of Object.entries(controllers)) application.register(named(path), controller);

// What a single page has comes with that page.
const rare = new Map(Object.entries(import.meta.glob<Controller>("./controllers/rare/*.ts")));
document.addEventListener("turbo:load", () => {
  for (const [path, load] of rare) {
    if (!document.querySelector(`[data-controller~="${named(path)}"]`)) continue;
    rare.delete(path);
    void load().then(({ default: controller }) => application.register(named(path), controller));
  }
});

function named(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1, -".ts".length);
}
