import { useEffect, useRef, useState } from 'preact/hooks';

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
  const drawn = useRef(followed.get());
  drawn.current = followed.get();
  useEffect(() => {
    const again = (): void => redraw((count) => count + 1);
    // It may have changed between the drawing and this.
    if (!Object.is(drawn.current, followed.get())) again();
    return followed.follow(again);
  }, [followed]);
  return drawn.current;
}
