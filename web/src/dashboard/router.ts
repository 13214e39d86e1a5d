/** Where in the dashboard the browser is: the path below `/dashboard` and the query, which are the state of each screen. */
import { at } from '../root';
import { store, useStore } from './store';

const ROOT = at('/dashboard');

export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  const { pathname, search } = window.location;
  const path = pathname.slice(ROOT.length).replace(/\/+$/, '');
  return { path: path || '/', query: new URLSearchParams(search) };
}

const place = store(here());
window.addEventListener('popstate', () => place.set(here()));

export function usePlace(): Place {
  return useStore(place);
}

/** The address of a screen. */
export function address(path: string, query?: URLSearchParams): string {
  const asked = query?.toString();
  return `${ROOT}${path === '/' ? '' : path}${asked ? `?${asked}` : ''}`;
}

/** Opens a screen; where it takes the place of the present one, the way back does not lead through that. */
export function go(path: string, query?: URLSearchParams, isInPlace = false): void {
  const target = address(path, query);
  if (target === window.location.pathname + window.location.search) return;
  if (isInPlace) window.history.replaceState(null, '', target);
  else window.history.pushState(null, '', target);
  place.set(here());
}

/** Whether a click on a link is for this tab; others are the browser's. */
export function isPlain(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}
