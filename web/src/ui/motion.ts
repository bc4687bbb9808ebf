/** How the page moves: not at all for those who asked their system for less of it. */

export function smoothly(): ScrollBehavior {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}
