import { useEffect, useState } from 'preact/hooks';

/** A value that parts of the page follow. */
export interface Store<Value> {
  get(): Value;
  set(value: Value): void;
  follow(listener: () => void): () => void;
}

export function store<Value>(value: Value): Store<Value> {
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      listeners.forEach((listener) => listener());
    },
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value of a store; whoever draws with it is drawn anew when it changes. */
export function useStore<Value>(followed: Store<Value>): Value {
  const [, redraw] = useState(0);
  useEffect(() => followed.follow(() => redraw((count) => count + 1)), [followed]);
  return followed.get();
}
