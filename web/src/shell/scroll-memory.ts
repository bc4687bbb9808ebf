/** Where each page was scrolled to, so that going back finds the place again; every other way starts at the top. */

import { useEffect, useLayoutEffect, useRef } from "react";
import { NavigationType, useLocation, useNavigationType } from "react-router";

/** Pages come in while they load: so long, a place further down than the page is high is tried again. */
const PATIENCE_MS = 1500;

const places = new Map<string, number>();

export function useScrollMemory(): void {
  const { key, pathname } = useLocation();
  const back = useNavigationType() === NavigationType.Pop;
  const shown = useRef<string | null>(null);
  useEffect(() => {
    history.scrollRestoration = "manual";
  }, []);
  useLayoutEffect(() => {
    const changed = shown.current !== pathname;
    shown.current = pathname;
    if (!changed) return;
    if (!back) window.scrollTo(0, 0);
    return restore(back ? places.get(key) : undefined);
  }, [key, pathname, back]);
  useEffect(() => {
    const note = () => places.set(key, window.scrollY);
    window.addEventListener("scroll", note, { passive: true });
    return () => window.removeEventListener("scroll", note);
  }, [key]);
}

function restore(place: number | undefined): () => void {
  if (!place) return () => undefined;
  const until = performance.now() + PATIENCE_MS;
  let frame = requestAnimationFrame(function again() {
    window.scrollTo(0, place);
    const there = Math.abs(window.scrollY - place) < 2;
    if (!there && performance.now() < until) frame = requestAnimationFrame(again);
  });
  return () => cancelAnimationFrame(frame);
}
