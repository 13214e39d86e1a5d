import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Refusal } from '../../../api';
import { DeleteView, SaveView, type ListView, type SaveViewInput } from '../../../../generated/documents';
import { announce } from '../../announce';
import { refusalOf } from '../../asked';
import { Field } from '../../parts/action';
import { DialogForm, unlessBusy } from '../../parts/dialog-form';
import type { Entered } from '../../parts/entered';
import { go } from '../../router';
import { askAs, may } from '../../session';
import { addressOf, shown, type Views } from '../../views';

interface DialogProps {
  title: string;
  label: string;
  refusal: Refusal | undefined;
  isBusy: boolean;
  /** Does it; gives whether it is done. */
  submit: (entered: Entered) => Promise<boolean>;
  done: () => void;
  children?: VNode | undefined;
}

function ViewDialog({ title, label, refusal, isBusy, submit, done, children }: DialogProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-label={title} onCancel={unlessBusy(isBusy)} onClose={done}>
      <DialogForm
        title={title}
        label={label}
        changed="view"
        refusal={refusal}
        isBusy={isBusy}
        // The dialog is closed before it goes, so that the focus returns to where it was.
        submit={(entered) => void submit(entered).then((isDone) => isDone && dialog.current?.close())}
        close={() => dialog.current?.close()}
      >
        {children}
      </DialogForm>
    </dialog>
  );
}

/** Does something to a view, and says why it was not done. */
function useChange(views: Views): [(change: () => Promise<void>) => Promise<boolean>, Refusal | undefined, boolean] {
  const [refusal, setRefusal] = useState<Refusal>();
  const [isBusy, setBusy] = useState(false);
  const run = async (change: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setRefusal(undefined);
    try {
      await change();
      return true;
    } catch (error) {
      setRefusal(refusalOf(error));
      return false;
    } finally {
      setBusy(false);
      views.again();
    }
  };
  return [run, refusal, isBusy];
}

interface EditProps {
  /** The view that is changed, as it was read; a new one where there is none. */
  view: ListView | undefined;
  query: URLSearchParams;
  columns: string[];
  views: Views;
  done: () => void;
}

/** Saves what the list shows, under a new name or in the place of the view as it was read. */
export function Edit({ view, query, columns, views, done }: EditProps): VNode {
  const [run, refusal, isBusy] = useChange(views);
  const told = refusal?.extensions.code === 'CONFLICT' ? refusal.extensions.currentVersion : undefined;
  // A refusal for another reason tells no version.
  const known = useRef(told);
  known.current = told ?? known.current;
  const isStale = view !== undefined && known.current !== undefined;
  const isReplaced = view !== undefined && !addressOf(view);
  const submit = (entered: Entered): Promise<boolean> => {
    const name = entered.text('name') ?? '';
    const input: SaveViewInput = {
      ...shown(query, columns),
      ...(view ? { name: view.name, clientId: view.clientId, newName: name } : { name }),
      isShared: may('orders:read') ? entered.text('shared') !== null : null,
      expectedVersion: view ? (known.current ?? view.version) : 0,
    };
    return run(async () => {
      const { saveView } = await askAs(SaveView, { input });
      if (!saveView) return;
      const address = addressOf(saveView);
      if (address) go('/orders', address);
      announce(`The view ${saveView.name} is saved`);
    });
  };
  return (
    <ViewDialog
      title={view ? `${isReplaced ? 'Replace' : 'Change'} the view ${view.name}` : 'Save this list as a view'}
      label={isStale ? 'Save over theirs' : 'Save'}
      refusal={refusal}
      isBusy={isBusy}
      submit={submit}
      done={done}
    >
      <>
        <p class="quiet">It keeps the conditions, the sequence and the columns of the list as they are now.</p>
        {isReplaced && <p>The view's present conditions, which this page cannot show, are lost.</p>}
        <Field label="Name">
          <input name="name" required maxLength={64} defaultValue={view?.name ?? ''} autoFocus />
        </Field>
        {may('orders:read') && (
          <label class="check">
            <input type="checkbox" name="shared" defaultChecked={view?.isShared ?? false} />
            Share it with everybody who reads all orders
          </label>
        )}
        {isStale && (
          <p>
            Somebody saved this view meanwhile. Leave it and choose the view again to see theirs, or save over it.
          </p>
        )}
      </>
    </ViewDialog>
  );
}

export function Removal({ view, views, done }: { view: ListView; views: Views; done: () => void }): VNode {
  const { name, clientId, version, isShared, isDefault, defaultFor } = view;
  const [run, refusal, isBusy] = useChange(views);
  return (
    <ViewDialog
      title={`Delete the view ${name}?`}
      label="Delete"
      refusal={refusal}
      isBusy={isBusy}
      submit={() =>
        run(async () => {
          await askAs(DeleteView, { input: { name, clientId, expectedVersion: version } });
          announce(`The view ${name} is deleted`);
        })
      }
      done={done}
    >
      <>
        {isShared && <p>It is shared: nobody will have it any more.</p>}
        {defaultFor && <p>{`It is the default for everybody with ${defaultFor}: their lists begin with it no more.`}</p>}
        {isDefault && <p>Your list begins with it no more.</p>}
      </>
    </ViewDialog>
  );
}
