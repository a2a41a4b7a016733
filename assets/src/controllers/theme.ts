import { Controller } from "@hotwired/stimulus";

/** Light, dark or as the system; kept in a cookie so that the server draws it without a flash. */
export default class extends Controller<HTMLElement> {
  static override targets = ["choice"];
  declare readonly choiceTargets: HTMLButtonElement[];

  choose(event: Event): void {
    const theme = (event.currentTarget as HTMLButtonElement).value;
    if (theme) document.documentElement.dataset.bsTheme = theme;
    else delete document.documentElement.dataset.bsTheme;
    document.cookie = `theme=${theme}; path=/; max-age=${theme ? 31_536_000 : 0}; samesite=lax`;
    for (const choice of this.choiceTargets) choice.ariaPressed = String(choice.value === theme);
  }
}
