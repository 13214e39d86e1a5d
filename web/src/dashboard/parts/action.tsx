import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Refusal } from '../../api';
import type { OrderDetails } from '../../../generated/documents';
import { refusalOf } from '../asked';
import { Trouble } from './basics';

/** What was entered. An empty field is null, which leaves it to the service. */
export class Entered {
  private readonly data: FormData;

  constructor(form: HTMLFormElement) {
    this.data = new FormData(form);
  }

  text(name: string): string | null {
    return String(this.data.get(name) ?? '').trim() || null;
  }

  number(name: string): number {
    return Number(this.text(name) ?? 0);
  }
}

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
  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (!read) return;
    setBusy(true);
    setRefusal(undefined);
    try {
      await run(new Entered(event.currentTarget as HTMLFormElement), read);
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
        // What is on its way cannot be left any more.
        onCancel={(event) => isBusy && event.preventDefault()}
        onClose={closed}
      >
        {read && (
          <form onSubmit={(event) => void submit(event)}>
            <h2>{title}</h2>
            {fields?.(read)}
            {refusal && <Trouble refusal={refusal} changed="order" />}
            <div class="buttons">
              <button type="submit" class="first" disabled={isBusy}>
                {label}
              </button>
              <button type="button" disabled={isBusy} onClick={close}>
                Leave it
              </button>
            </div>
          </form>
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
