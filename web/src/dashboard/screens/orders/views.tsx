import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Refusal } from '../../../api';
import { DeleteView, ListViews, SaveView, SetDefaultView, type ListView, type SaveViewInput } from '../../../../generated/documents';
import { announce } from '../../announce';
import { refusalOf, useAnswer, type Asked } from '../../asked';
import { Entered, Field } from '../../parts/action';
import { Link, Trouble } from '../../parts/basics';
import { go } from '../../router';
import { askAs, may } from '../../session';
import { addressOf, chosen, first, isChanged, keyOf, shown } from '../../views';

type Views = Asked<{ savedViews: ListView[] }>;

/** Whose lists a shared default is for: everybody's who sees shared views. */
const EVERYBODY = 'orders:read';

/** The views, and whether it is not known yet which one the list begins with: it does where the address asks for nothing. */
export function useViews(query: URLSearchParams): [Views, boolean] {
  const views = useAnswer(ListViews, {});
  const isBare = query.toString() === '';
  const [isWithout, setWithout] = useState(false);
  const isKnown = views.data !== undefined || views.refusal !== undefined;
  useEffect(() => {
    if (!isBare) return setWithout(false);
    if (!isKnown) return;
    const begins = first(views.data?.savedViews ?? []);
    const asked = begins && addressOf(begins);
    if (asked) go('/orders', asked, true);
    else setWithout(true);
  }, [isBare, isKnown]);
  return [views, isBare && !isWithout];
}

interface Props {
  query: URLSearchParams;
  views: Views;
  /** The ids of the columns that are shown. */
  columns: string[];
}

/** The views to choose from, and what can be done with the one that is shown. */
export function ViewMenu({ query, views, columns }: Props): VNode {
  const menu = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [edited, setEdited] = useState<'new' | 'change' | 'delete'>();
  const all = views.data?.savedViews ?? [];
  const view = chosen(all, query);
  const close = (): void => {
    if (!menu.current?.open) return;
    menu.current.open = false;
    menu.current.querySelector('summary')?.focus();
  };
  const edit = (what: typeof edited): void => {
    close();
    setEdited(what);
  };
  return (
    <>
      <details
        class="menu views"
        ref={menu}
        onToggle={({ currentTarget: { open } }) => {
          setOpen(open);
          if (open) views.again();
        }}
        onKeyDown={({ key }) => key === 'Escape' && close()}
      >
        <summary>
          View: {view ? view.name : 'none'}
          {view && isChanged(view, query) && ' (changed)'}
        </summary>
        <div>
          {isOpen && views.refusal && <Trouble refusal={views.refusal} isAskedAgain again={views.again} />}
          <ul aria-label="Saved views" onClick={close}>
            <li>
              <Link to="/orders" query={new URLSearchParams({ order_by: 'created_at_desc' })}>
                All orders
              </Link>
            </li>
            {all.map((view) => (
              <Choice key={keyOf(view)} view={view} />
            ))}
          </ul>
          {view && <Defaults view={view} views={views} />}
          <div class="buttons">
            <button type="button" onClick={() => edit('new')}>
              Save as …
            </button>
            {view && mayChange(view) && (
              <>
                <button type="button" onClick={() => edit('change')}>
                  Change …
                </button>
                <button type="button" onClick={() => edit('delete')}>
                  Delete …
                </button>
              </>
            )}
          </div>
        </div>
      </details>
      {edited === 'new' && <Edit key="new" query={query} columns={columns} views={views} done={() => setEdited(undefined)} />}
      {edited === 'change' && view && (
        <Edit key={keyOf(view)} view={view} query={query} columns={columns} views={views} done={() => setEdited(undefined)} />
      )}
      {edited === 'delete' && view && <Removal view={view} views={views} done={() => setEdited(undefined)} />}
    </>
  );
}

const mayChange = ({ isMine }: ListView): boolean => isMine || may('clients:manage');

function Choice({ view }: { view: ListView }): VNode {
  const address = addressOf(view);
  const about = [
    !view.isMine && `of ${view.ownerName}`,
    view.isMine && view.isShared && 'shared',
    view.isDefault && 'my first',
    view.defaultFor && `first of ${view.defaultFor}`,
  ].filter(Boolean);
  const to = address ?? new URLSearchParams({ order_by: 'created_at_desc', view: keyOf(view) });
  return (
    <li>
      <Link to="/orders" query={to}>
        {view.name}
      </Link>
      {about.length > 0 && <span class="quiet"> {about.join(', ')}</span>}
      {!address && <p class="quiet">{view.problem ?? 'This page has not all of its conditions; it shows every order.'}</p>}
    </li>
  );
}

/** Whose list begins with the view. */
function Defaults({ view, views }: { view: ListView; views: Views }): VNode | null {
  const [refusal, setRefusal] = useState<Refusal>();
  const set = async (isFirst: boolean, scope: string | null): Promise<void> => {
    setRefusal(undefined);
    const { name, clientId } = view;
    try {
      await askAs(SetDefaultView, { input: isFirst ? { name, clientId, scope } : { scope } });
    } catch (error) {
      setRefusal(refusalOf(error));
    }
    views.again();
  };
  const box = (label: string, checked: boolean, scope: string | null): VNode => (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={({ currentTarget }) => void set(currentTarget.checked, scope)} />
      {label}
    </label>
  );
  return (
    <>
      {view.isMine && box('My list begins with it', view.isDefault, null)}
      {view.isShared && may('clients:manage') && box("Everybody's list begins with it", view.defaultFor === EVERYBODY, EVERYBODY)}
      {refusal && <Trouble refusal={refusal} />}
    </>
  );
}

interface DialogProps {
  title: string;
  label: string;
  refusal: Refusal | undefined;
  isBusy: boolean;
  submit: (entered: Entered) => void;
  done: () => void;
  children?: VNode | undefined;
}

function ViewDialog({ title, label, refusal, isBusy, submit, done, children }: DialogProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-label={title} onCancel={(event) => isBusy && event.preventDefault()} onClose={done}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit(new Entered(event.currentTarget));
        }}
      >
        <h2>{title}</h2>
        {children}
        {refusal && <Trouble refusal={refusal} changed="view" />}
        <div class="buttons">
          <button type="submit" class="first" disabled={isBusy}>
            {label}
          </button>
          <button type="button" disabled={isBusy} onClick={() => dialog.current?.close()}>
            Leave it
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** Does something to a view, and says why it was not done. */
function useChange(views: Views, done: () => void): [(change: () => Promise<void>) => void, Refusal | undefined, boolean] {
  const [refusal, setRefusal] = useState<Refusal>();
  const [isBusy, setBusy] = useState(false);
  const run = (change: () => Promise<void>): void => {
    setBusy(true);
    setRefusal(undefined);
    change()
      .then(done, (error: unknown) => setRefusal(refusalOf(error)))
      .finally(() => {
        setBusy(false);
        views.again();
      });
  };
  return [run, refusal, isBusy];
}

interface EditProps {
  /** The view that is changed; a new one where there is none. */
  view?: ListView;
  query: URLSearchParams;
  columns: string[];
  views: Views;
  done: () => void;
}

/** Saves what the list shows, under a new name or in the place of the view as it was read. */
function Edit({ view, query, columns, views, done }: EditProps): VNode {
  // What was read when the dialog was opened counts, not what comes meanwhile.
  const [read] = useState(view);
  const [run, refusal, isBusy] = useChange(views, done);
  const current = refusal?.extensions.code === 'CONFLICT' ? refusal.extensions.currentVersion : undefined;
  const isStale = read !== undefined && current !== undefined;
  const submit = (entered: Entered): void => {
    const name = entered.text('name') ?? '';
    const input: SaveViewInput = {
      ...shown(query, columns),
      ...(read ? { name: read.name, clientId: read.clientId, newName: name } : { name }),
      isShared: may('orders:read') ? entered.text('shared') !== null : null,
      expectedVersion: read ? (current ?? read.version) : 0,
    };
    run(async () => {
      const { saveView } = await askAs(SaveView, { input });
      if (!saveView) return;
      const address = addressOf(saveView);
      if (address) go('/orders', address);
      announce(`The view ${saveView.name} is saved`);
    });
  };
  return (
    <ViewDialog
      title={read ? 'Change the view' : 'Save this list as a view'}
      label={isStale ? 'Save over theirs' : 'Save'}
      refusal={refusal}
      isBusy={isBusy}
      submit={submit}
      done={done}
    >
      <>
        <p class="quiet">It keeps the conditions, the sequence and the columns of the list as they are now.</p>
        <Field label="Name">
          <input name="name" required maxLength={64} defaultValue={read?.name ?? ''} autoFocus />
        </Field>
        {may('orders:read') && (
          <label class="check">
            <input type="checkbox" name="shared" defaultChecked={read?.isShared ?? false} />
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

function Removal({ view, views, done }: { view: ListView; views: Views; done: () => void }): VNode {
  const [{ name, clientId, version, isShared }] = useState(view);
  const [run, refusal, isBusy] = useChange(views, done);
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
      {isShared ? <p>It is shared: nobody will have it any more.</p> : undefined}
    </ViewDialog>
  );
}
