/**
 * Long lines of code, and wide tables, scroll within their box. Whoever has no mouse can scroll a box only when the tab key reaches it, and
 * Redoc draws some of them late, when somebody opens a tab.
 */
export function keepScrollable(root: HTMLElement): void {
  const reach = (): void => {
    for (const box of root.querySelectorAll<HTMLElement>('pre:not([tabindex]), table:not([tabindex])')) box.tabIndex = 0;
  };
  reach();
  new MutationObserver(reach).observe(root, { childList: true, subtree: true });
}
