import { store } from './store';

/** What a screen reader is told of by the way; the page has one place for it. */
export const announced = store('');

/** Milliseconds between two announcements: more would be talked over. */
const PAUSE = 5_000;
let next: string | undefined;
let timer: number | undefined;

/** Tells it, at the latest in five seconds; what is told sooner takes its place. */
export function announce(text: string): void {
  next = text;
  if (timer === undefined) say();
}

function say(): void {
  timer = undefined;
  if (next === undefined) return;
  announced.set(next);
  next = undefined;
  timer = window.setTimeout(say, PAUSE);
}
