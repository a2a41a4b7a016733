// The part of Turbo 8 that these pages use; the package carries no types.
declare module "@hotwired/turbo" {
  export interface VisitOptions {
    action?: "advance" | "replace";
    shouldCacheSnapshot?: boolean;
    response?: { statusCode: number; responseHTML: string; redirected: boolean };
  }
  export interface FrameElement extends HTMLElement {
    src: string | null;
    complete: boolean;
    reload(): Promise<void>;
  }
  export const session: { recentRequests: Set<string> };
  export const navigator: { currentVisit?: { state: string }; formSubmission?: { state: string } };
  export const cache: { clear(): void };
  export function visit(url: string, options?: VisitOptions): void;
  /** window.fetch with X-Turbo-Request-Id, remembered in session.recentRequests. */
  export function fetch(url: string, options?: RequestInit): Promise<Response>;
}
