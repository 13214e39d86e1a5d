import type { VNode } from 'preact';
import type { Paged } from '../paged';

/** The end of a list that is read page by page. */
export function More<Item>({ list, nothing = 'There is nothing.' }: { list: Paged<Item>; nothing?: string }): VNode | null {
  if (list.isBusy) return <p class="quiet">Reading …</p>;
  if (list.refusal) return null;
  // A page without anything may have others behind it.
  if (list.hasMore) {
    return (
      <p>
        <button type="button" onClick={list.more}>
          More
        </button>
      </p>
    );
  }
  return list.items.length === 0 ? <p class="nothing">{nothing}</p> : null;
}
