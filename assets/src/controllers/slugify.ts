import { Controller } from "@hotwired/stimulus";

const PLAIN: Record<string, string> = { ł: "l", đ: "d", ø: "o", ß: "ss", æ: "ae", œ: "oe", þ: "th", ı: "i" };

/** Proposes a workspace address from the business name until the person writes their own. */
export default class extends Controller<HTMLElement> {
  static override targets = ["source", "slug", "shown"];
  declare readonly sourceTarget: HTMLInputElement;
  declare readonly slugTarget: HTMLInputElement;
  declare readonly shownTargets: HTMLElement[];

  #own = false;

  override connect(): void {
    this.#own = this.slugTarget.value !== "" && this.slugTarget.value !== slug(this.sourceTarget.value);
    this.sourceTarget.addEventListener("input", this.#follow);
    this.slugTarget.addEventListener("input", this.#typed);
    this.#follow();
  }

  override disconnect(): void {
    this.sourceTarget.removeEventListener("input", this.#follow);
    this.slugTarget.removeEventListener("input", this.#typed);
  }

  #follow = (): void => {
    if (!this.#own) this.slugTarget.value = slug(this.sourceTarget.value);
    this.#show();
  };

  #typed = (): void => {
    this.#own = this.slugTarget.value !== "";
    this.#show();
  };

  #show(): void {
    for (const shown of this.shownTargets) shown.textContent = this.slugTarget.value;
  }
}

/** As core.text.slug does it: "Okna Horák s.r.o." -> "okna-horak-s-r-o". */
export function slug(text: string): string {
  const plain = text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "").replace(/[łđøßæœþı]/g, (letter) => PLAIN[letter]!);
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40).replace(/-+$/, "");
}
