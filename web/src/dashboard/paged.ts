import { useEffect, useRef, useState } from 'preact/hooks';
import type { Refusal } from '../api';
import { refusalOf } from './asked';

export interface Page<Item> {
  items: Item[];
  /** Where the next page begins; null on the last one. */
  next: string | null;
}

export interface Paged<Item> {
  items: Item[];
  hasMore: boolean;
  isBusy: boolean;
  refusal: Refusal | undefined;
  more: () => void;
  again: () => void;
}

/** A list that is read page by page, as far as somebody wants it; another `key` is another list. */
export function usePages<Item>(key: string, read: (after: string | null) => Promise<Page<Item>>): Paged<Item> {
  const [state, setState] = useState<{ items: Item[]; next: string | null; refusal?: Refusal; isBusy: boolean }>({
    items: [],
    next: null,
    isBusy: true,
  });
  const turn = useRef(0);
  const load = (after: string | null): void => {
    const mine = ++turn.current;
    setState((last) => ({ items: after === null ? [] : last.items, next: after, isBusy: true }));
    read(after).then(
      ({ items, next }) => {
        if (mine === turn.current) setState((last) => ({ items: [...last.items, ...items], next, isBusy: false }));
      },
      (error: unknown) => {
        if (mine === turn.current) setState((last) => ({ ...last, refusal: refusalOf(error), isBusy: false }));
      },
    );
  };
  useEffect(() => {
    load(null);
    return () => {
      turn.current += 1;
    };
  }, [key]);
  const { items, next, refusal, isBusy } = state;
  return { items, hasMore: next !== null, isBusy, refusal, more: () => load(next), again: () => load(next) };
}
