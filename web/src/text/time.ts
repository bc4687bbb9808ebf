/** Moments in words. Knows nothing of who shows them. Times come as RFC 3339. */

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const STEPS: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "3 minutes ago", "in 2 hours", "yesterday"; beyond a week the date. */
export function relative(moment: string, now: number = Date.now()): string {
  const seconds = (Date.parse(moment) - now) / 1000;
  if (Number.isNaN(seconds)) return "";
  if (Math.abs(seconds) >= 7 * 86_400) return day(moment);
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 1 ? "in a moment" : "just now";
}

/** "in 12 s", "in 3 min"; "in a moment" for what is due, since clocks differ and workers need a second. */
export function countdown(moment: string, now: number): string {
  const seconds = Math.ceil((Date.parse(moment) - now) / 1000);
  return seconds > 0 ? `in ${duration(seconds)}` : "in a moment";
}

/** "12 s", "3 min", "5 h", "4 days": as exact as one needs it. */
export function duration(seconds: number): string {
  for (const [unit, size] of [
    ["days", 86_400],
    ["h", 3_600],
    ["min", 60],
  ] as const) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
  }
  return `${Math.round(seconds)} s`;
}

/** "4 Mar 2026" */
export function day(moment: string): string {
  const parsed = Date.parse(moment);
  return Number.isNaN(parsed) ? "" : DAY.format(parsed);
}
