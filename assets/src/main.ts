import "@hotwired/turbo";
import { Application, type ControllerConstructor } from "@hotwired/stimulus";
import "./between-pages";

const application = Application.start();
const controllers = import.meta.glob<{ default: ControllerConstructor }>("./controllers/*.ts", { eager: true });
for (const [path, { default: controller }] of Object.entries(controllers)) {
  application.register(path.slice("./controllers/".length, -".ts".length), controller);
}
