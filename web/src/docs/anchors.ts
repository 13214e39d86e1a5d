/**
 * Makes each error code and each hint an anchor: the `type` of a problem is `/docs#CODE`. Their tables name them in the
 * first cell that holds nothing but code.
 */
export function addAnchors(root: HTMLElement): void {
  for (const row of root.querySelectorAll<HTMLTableRowElement>('tbody tr')) {
    const cell = [...row.cells].find((cell) => NAME.test(onlyCode(cell)?.textContent ?? ''));
    const code = cell && onlyCode(cell);
    const name = code?.textContent;
    if (!code || !name || document.getElementById(name)) continue;
    row.id = name;
    // Narrow columns may break it between its words.
    code.replaceChildren(...name.split(/(?<=_)/).flatMap((word) => [word, document.createElement('wbr')]));
  }
}

/** An error code, such as CONFLICT, or a hint, such as clock_skew. */
const NAME = /^([A-Z]+(_[A-Z]+)*|[a-z0-9]+(_[a-z0-9]+)+)$/;

function onlyCode(cell: HTMLTableCellElement): Element | undefined {
  const [child, ...others] = cell.children;
  const isAlone = others.length === 0 && child?.textContent?.trim() === cell.textContent?.trim();
  return isAlone && child?.tagName === 'CODE' ? child : undefined;
}

/** Goes to the anchor in the address. It was not there yet when the browser looked for it. */
export function goToAnchor(): void {
  const { hash } = window.location;
  const row = NAME.test(hash.slice(1)) ? document.getElementById(hash.slice(1)) : null;
  // Going there anew, and not only scrolling, makes the row the page's :target.
  if (row) window.location.replace(hash);
}
