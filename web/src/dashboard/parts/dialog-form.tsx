import type { ComponentChildren, VNode } from 'preact';
import type { Refusal } from '../../api';
import { Entered } from './entered';
import { Trouble } from './basics';

interface Props {
  title: string;
  /** What the button says that does it. */
  label: string;
  /** What was refused is a change of. */
  changed: 'order' | 'view' | 'endpoint';
  refusal: Refusal | undefined;
  isBusy: boolean;
  submit: (entered: Entered) => void;
  close: () => void;
  children?: ComponentChildren;
}

/** What a dialog holds that does something: what is entered, why it was refused, and the two ways out. */
export function DialogForm({ title, label, changed, refusal, isBusy, submit, close, children }: Props): VNode {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit(new Entered(event.currentTarget));
      }}
    >
      <h2>{title}</h2>
      {children}
      {refusal && <Trouble refusal={refusal} changed={changed} />}
      <div class="buttons">
        <button type="submit" class="first" disabled={isBusy}>
          {label}
        </button>
        <button type="button" disabled={isBusy} onClick={close}>
          Leave it
        </button>
      </div>
    </form>
  );
}

/** What is on its way cannot be left any more. */
export const unlessBusy = (isBusy: boolean) => (event: Event): void => {
  if (isBusy) event.preventDefault();
};
