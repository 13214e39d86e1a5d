import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { store, useStore } from '../store';

const KEYS: [string, string][] = [
  ['/', 'Search'],
  ['j', 'Next row'],
  ['k', 'Row before'],
  ['Enter', 'Open the row'],
  ['n', 'Show new rows'],
  ['Escape', 'Leave the search, or close this'],
  ['?', 'This list'],
];

const KEPT = 'dashboard:keys';
/** Whoever speaks to a computer, or types by accident, can do without keys of one letter. */
const areOn = store(localStorage.getItem(KEPT) !== 'off');

/** Whether a key is none of ours: it is typed into something, or ours are switched off. */
function isTyped({ target, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  if (!areOn.get()) return true;
  return ctrlKey || metaKey || altKey || (target instanceof Element && target.matches('input, select, textarea, [contenteditable]'));
}

/** Keys of a screen, and what each does. */
export function useKeys(steps: Record<string, () => void>): void {
  const last = useRef(steps);
  last.current = steps;
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (isTyped(event) || document.querySelector('dialog[open]')) return;
      const step = last.current[event.key];
      if (!step) return;
      event.preventDefault();
      step();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}

/** The list of keys, which `?` opens, and a button. */
export function Shortcuts(): VNode {
  const isOn = useStore(areOn);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== '?' || isTyped(event)) return;
      event.preventDefault();
      if (!dialog.current?.open) dialog.current?.showModal();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
  return (
    <>
      <button type="button" class="plain" onClick={() => dialog.current?.showModal()}>
        Keys
      </button>
      <dialog ref={dialog} class="shortcuts" aria-labelledby="shortcuts-title">
        <h2 id="shortcuts-title">Keys</h2>
        <dl>
          {KEYS.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <label class="check">
          <input
            type="checkbox"
            checked={isOn}
            onChange={({ currentTarget: { checked } }) => {
              localStorage.setItem(KEPT, checked ? 'on' : 'off');
              areOn.set(checked);
            }}
          />
          These keys are on
        </label>
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
      </dialog>
    </>
  );
}
