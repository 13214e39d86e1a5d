import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Refusal } from '../../api';
import type { OrderDetails } from '../../../generated/documents';
import { refusalOf } from '../asked';
import { DialogForm, unlessBusy } from './dialog-form';
import type { Entered } from './entered';

interface Props {
  /** What the button says. */
  label: string;
  title?: string;
  isFirst?: boolean;
  order: OrderDetails;
  fields?: (read: OrderDetails) => VNode;
  /** Does it to the order as it was read when the dialog was opened. */
  run: (entered: Entered, read: OrderDetails) => Promise<unknown>;
  done: () => void;
  /** The order is another than was read; nothing was done. */
  conflict: (read: OrderDetails) => void;
  /** What is read is what is shown, until the dialog is closed. */
  hold: (read: OrderDetails | undefined) => void;
}

/** A change of an order, which somebody looks at once more before it is made. */
export function Action({ label, title = label, isFirst = false, order, fields, run, done, conflict, hold }: Props): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [read, setRead] = useState<OrderDetails>();
  const [refusal, setRefusal] = useState<Refusal>();
  const [isBusy, setBusy] = useState(false);

  const open = (): void => {
    setRead(order);
    hold(order);
    setRefusal(undefined);
    dialog.current?.showModal();
  };
  const closed = (): void => {
    setRead(undefined);
    hold(undefined);
  };
  const close = (): void => {
    closed();
    dialog.current?.close();
  };
  async function submit(entered: Entered): Promise<void> {
    if (!read) return;
    setBusy(true);
    setRefusal(undefined);
    try {
      await run(entered, read);
      close();
      done();
    } catch (error) {
      const refused = refusalOf(error);
      const { code, currentVersion } = refused.extensions;
      if (code === 'CONFLICT' && currentVersion !== undefined && currentVersion !== read.version) {
        close();
        conflict(read);
      } else {
        setRefusal(refused);
      }
    }
    setBusy(false);
  }

  return (
    <>
      <button type="button" class={isFirst ? 'first' : ''} onClick={open}>
        {label}
      </button>
      <dialog
        ref={dialog}
        aria-label={title}
        onCancel={unlessBusy(isBusy)}
        onClose={closed}
      >
        {read && (
          <DialogForm
            title={title}
            label={label}
            changed="order"
            refusal={refusal}
            isBusy={isBusy}
            submit={(entered) => void submit(entered)}
            close={close}
          >
            {fields?.(read)}
          </DialogForm>
        )}
      </dialog>
    </>
  );
}

/** A field of a dialog. */
export function Field({ label, children }: { label: string; children: VNode }): VNode {
  return (
    <label class="field">
      {label}
      {children}
    </label>
  );
}
