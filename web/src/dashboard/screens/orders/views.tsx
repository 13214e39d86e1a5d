import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Refusal } from '../../../api';
import { ListViews, SetDefaultView, type ListView } from '../../../../generated/documents';
import { refusalOf, useAnswer } from '../../asked';
import { isFollowing } from '../../live';
import { Link, Trouble } from '../../parts/basics';
import { go } from '../../router';
import { askAs, may } from '../../session';
import { addressOf, chosen, first, isChanged, keyOf, type Views } from '../../views';
import { Edit, Removal } from './view-dialogs';

/** Whose lists a shared default is for: everybody's who sees shared views. */
const EVERYBODY = 'orders:read';

/** Milliseconds that the list waits for the views, so that it never depends on them. */
const PATIENCE = 1_000;

/** The views, and whether it is not known yet which one the list begins with: it does where the address asks for nothing. */
export function useViews(query: URLSearchParams): [Views, boolean] {
  const views = useAnswer(ListViews, {});
  const isBare = query.toString() === '';
  const [isWithout, setWithout] = useState(false);
  const isKnown = views.data !== undefined || views.refusal !== undefined;
  useEffect(() => {
    if (!isBare) return setWithout(false);
    // Nobody who reads the list already is taken elsewhere.
    if (isWithout) return;
    if (!isKnown) return afterAWhile(() => setWithout(true));
    const begins = first(views.data?.savedViews ?? []);
    if (begins) go('/orders', begins, true);
    else setWithout(true);
  }, [isBare, isKnown]);
  return [views, isBare && !isWithout];
}

/** Does it when the views could have been there; gives what calls it off. */
function afterAWhile(act: () => void): () => void {
  let isOff = false;
  let timer: number | undefined;
  // Before that no question is on its way, the list's neither.
  void isFollowing().then(() => {
    if (!isOff) timer = window.setTimeout(act, PATIENCE);
  });
  return () => {
    isOff = true;
    clearTimeout(timer);
  };
}

interface Props {
  query: URLSearchParams;
  views: Views;
  /** The ids of the columns that are shown. */
  columns: string[];
}

/** What a dialog is open for; the view is that which was read when it was opened, whatever becomes of it meanwhile. */
interface Edited {
  what: 'save' | 'delete';
  /** None where a new one is saved. */
  view?: ListView | undefined;
}

/** The views to choose from, and what can be done with the one that is shown. */
export function ViewMenu({ query, views, columns }: Props): VNode {
  const menu = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [edited, setEdited] = useState<Edited>();
  const all = views.data?.savedViews ?? [];
  const view = chosen(all, query);
  const close = (): void => {
    if (!menu.current?.open) return;
    menu.current.open = false;
    menu.current.querySelector('summary')?.focus();
  };
  const edit = (what: Edited['what'], view?: ListView): void => {
    close();
    setEdited({ what, view });
  };
  const done = (): void => setEdited(undefined);
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
          {view && isChanged(view, query) && ' (differs from the saved view)'}
        </summary>
        <div>
          {isOpen && views.refusal && <Trouble refusal={views.refusal} isAskedAgain again={views.again} />}
          <ul aria-label="Saved views" onClick={({ target }) => (target as Element).closest('a') && close()}>
            <li>
              <Link to="/orders" query={new URLSearchParams({ order_by: 'created_at_desc' })}>
                All orders
              </Link>
            </li>
            {all.map((one) => (
              <Choice key={keyOf(one)} view={one} isChosen={one === view} edit={edit} />
            ))}
          </ul>
          {view && <Defaults key={keyOf(view)} view={view} views={views} />}
          <div class="buttons">
            <button type="button" onClick={() => edit('save')}>
              Save as …
            </button>
            {view && mayChange(view) && (
              <>
                <button type="button" onClick={() => edit('save', view)}>
                  Change …
                </button>
                <button type="button" onClick={() => edit('delete', view)}>
                  Delete …
                </button>
              </>
            )}
          </div>
        </div>
      </details>
      {edited?.what === 'save' && <Edit view={edited.view} query={query} columns={columns} views={views} done={done} />}
      {edited?.what === 'delete' && edited.view && <Removal view={edited.view} views={views} done={done} />}
    </>
  );
}

const mayChange = ({ isMine }: ListView): boolean => isMine || may('clients:manage');

interface ChoiceProps {
  view: ListView;
  isChosen: boolean;
  edit: (what: Edited['what'], view: ListView) => void;
}

/** A view to choose. One that the page cannot show is none: as a link it would lead to other orders than it means. */
function Choice({ view, isChosen, edit }: ChoiceProps): VNode {
  const address = addressOf(view);
  const owner = !view.isMine && `of ${view.ownerName}`;
  const name = [view.name, owner].filter(Boolean).join(' ');
  const about = [
    owner,
    view.isMine && view.isShared && 'shared',
    view.isDefault && 'my default',
    view.defaultFor && `default for ${view.defaultFor === EVERYBODY ? 'everybody' : view.defaultFor}`,
  ].filter(Boolean);
  return (
    <li>
      {address ? (
        <Link to="/orders" query={address} label={name} isChosen={isChosen}>
          {view.name}
        </Link>
      ) : (
        view.name
      )}
      {about.length > 0 && <span class="quiet"> {about.join(', ')}</span>}
      {!address && (
        <>
          <p class="quiet">{view.problem ?? 'This page cannot show this view: it uses conditions that the page does not have.'}</p>
          <div class="buttons">
            {view.isMine && (
              <button type="button" aria-label={`Replace by what the list shows now: ${name}`} onClick={() => edit('save', view)}>
                Replace by what the list shows now …
              </button>
            )}
            {mayChange(view) && (
              <button type="button" aria-label={`Delete the view ${name}`} onClick={() => edit('delete', view)}>
                Delete …
              </button>
            )}
          </div>
        </>
      )}
    </li>
  );
}

interface Saving {
  isFirst: boolean;
  scope: string | null;
  /** Whether the service answered; the views are read anew then. */
  isAnswered: boolean;
}

/** Whose list begins with the view. */
function Defaults({ view, views }: { view: ListView; views: Views }): VNode {
  const [refusal, setRefusal] = useState<Refusal>();
  const [saving, setSaving] = useState<Saving>();
  useEffect(() => setSaving((saving) => (saving?.isAnswered ? undefined : saving)), [views.data, views.refusal]);
  const set = async (isFirst: boolean, scope: string | null): Promise<void> => {
    setRefusal(undefined);
    setSaving({ isFirst, scope, isAnswered: false });
    try {
      const { name, clientId } = view;
      if (isFirst) await askAs(SetDefaultView, { input: { name, clientId, scope } });
      else if (await isStill(view, scope)) await askAs(SetDefaultView, { input: { scope } });
    } catch (error) {
      setRefusal(refusalOf(error));
    }
    setSaving({ isFirst, scope, isAnswered: true });
    views.again();
  };
  const box = (label: string, isSet: boolean, scope: string | null): VNode => (
    <label class="check">
      <input
        type="checkbox"
        checked={saving?.scope === scope ? saving.isFirst : isSet}
        // Not `disabled`, which would take the focus away.
        aria-disabled={saving !== undefined}
        onClick={(event) => saving && event.preventDefault()}
        onChange={({ currentTarget }) => void set(currentTarget.checked, scope)}
      />
      {label}
    </label>
  );
  return (
    <>
      {view.isMine && box('My list begins with this view', view.isDefault, null)}
      {view.isShared && may('clients:manage') && box("Everybody's list begins with this view", isDefault(view, EVERYBODY), EVERYBODY)}
      {refusal && <Trouble refusal={refusal} changed="view" />}
    </>
  );
}

const isDefault = (view: ListView, scope: string | null): boolean => (scope === null ? view.isDefault : view.defaultFor === scope);

/** Whether the view is the default by now: to end it is to end whatever is the default, another one too. */
async function isStill(view: ListView, scope: string | null): Promise<boolean> {
  const { savedViews } = await askAs(ListViews, {});
  return savedViews.some((one) => keyOf(one) === keyOf(view) && isDefault(one, scope));
}
