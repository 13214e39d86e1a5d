/**
 * Where GraphiQL keeps things. How the page looks stays in the browser: the theme, the widths of its parts, which panel
 * is open. Everything else, operations, variables, headers, may hold a secret or a token that somebody typed, so it
 * stays in memory and ends with the page.
 */
export function createStorage(): Storage {
  const memory = new Map<string, string>();
  const isKept = (key: string): boolean => KEPT.test(key);
  return {
    get length() {
      return memory.size;
    },
    clear: () => memory.clear(),
    key: (index) => [...memory.keys()][index] ?? null,
    getItem: (key) => (isKept(key) ? localStorage.getItem(key) : (memory.get(key) ?? null)),
    setItem: (key, value) => {
      if (isKept(key)) localStorage.setItem(key, value);
      else memory.set(key, value);
    },
    removeItem: (key) => {
      if (isKept(key)) localStorage.removeItem(key);
      else memory.delete(key);
    },
  };
}

const KEPT = /^graphiql:(theme|visiblePlugin|docExplorerFlex|editorFlex|secondaryEditorFlex)$/;
