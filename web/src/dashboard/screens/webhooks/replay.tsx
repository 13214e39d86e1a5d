import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Refusal } from '../../../api';
import { ReplayEvents, type Endpoint, type Replaying, type ReplayWebhookEventsInput } from '../../../../generated/documents';
import { announce } from '../../announce';
import { refusalOf } from '../../asked';
import { number } from '../../format';
import { Field } from '../../parts/action';
import { Link, Time, Trouble } from '../../parts/basics';
import { DialogForm, unlessBusy } from '../../parts/dialog-form';
import type { Entered } from '../../parts/entered';
import { askAs } from '../../session';

/** Milliseconds between two looks at replays that are under way. */
const EVERY = 5_000;

const WHICH = { order: 'Everything of an order', time: 'Everything of a time', event: 'One event' };
type Which = keyof typeof WHICH;

/** An instant of the user's calendar and clock. */
const instant = (entered: string | null): string | null => (entered === null ? null : new Date(entered).toISOString());

function meant(which: Which, entered: Entered): ReplayWebhookEventsInput {
  if (which === 'order') return { orderNumber: entered.text('order') };
  if (which === 'event') return { event: entered.text('event') };
  return { since: instant(entered.text('since')), until: instant(entered.text('until')) };
}

/** Has events sent again to an endpoint: one, those of an order, or those of a time. */
export function Replay({ endpoint: { name, clientId }, again }: { endpoint: Endpoint; again: () => void }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [which, setWhich] = useState<Which>('order');
  const [refusal, setRefusal] = useState<Refusal>();
  const [isBusy, setBusy] = useState(false);
  async function submit(entered: Entered): Promise<void> {
    setBusy(true);
    setRefusal(undefined);
    try {
      await askAs(ReplayEvents, { name, clientId, input: meant(which, entered) });
      dialog.current?.close();
      announce('The events are sent again');
      again();
    } catch (error) {
      setRefusal(refusalOf(error));
    }
    setBusy(false);
  }
  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        Send again …
      </button>
      <dialog
        ref={dialog}
        aria-label="Send events again"
        onCancel={unlessBusy(isBusy)}
        onClose={() => setRefusal(undefined)}
      >
        <DialogForm
          title="Send events again"
          label="Send again"
          changed="endpoint"
          refusal={refusal}
          isBusy={isBusy}
          submit={(entered) => void submit(entered)}
          close={() => dialog.current?.close()}
        >
          <p class="quiet">They are sent behind everything else, with the ids that they had before.</p>
          <fieldset>
            <legend class="unseen">Which events</legend>
            {Object.entries(WHICH).map(([one, label]) => (
              <label key={one} class="check">
                <input type="radio" name="which" checked={which === one} onChange={() => setWhich(one as Which)} />
                {label}
              </label>
            ))}
          </fieldset>
          {which === 'order' && (
            <Field label="Order number">
              <input name="order" required placeholder="SO-0000000042" maxLength={64} />
            </Field>
          )}
          {which === 'time' && (
            <>
              <Field label="From">
                <input type="datetime-local" name="since" required />
              </Field>
              <Field label="Before (now when empty)">
                <input type="datetime-local" name="until" />
              </Field>
            </>
          )}
          {which === 'event' && (
            <Field label="Cursor of the event, as the webhook and the feed have it">
              <input name="event" required maxLength={200} spellcheck={false} />
            </Field>
          )}
        </DialogForm>
      </dialog>
    </>
  );
}

/** The one event of an attempt, sent again. */
export function ReplayEvent({ name, clientId, event, of, again }: { name: string; clientId: string; event: string; of: string; again: () => void }): VNode {
  const [refusal, setRefusal] = useState<Refusal>();
  const [isBusy, setBusy] = useState(false);
  const send = (): void => {
    setBusy(true);
    setRefusal(undefined);
    askAs(ReplayEvents, { name, clientId, input: { event } })
      .then(
        () => {
          announce('The event is sent again');
          again();
        },
        (error: unknown) => setRefusal(refusalOf(error)),
      )
      .finally(() => setBusy(false));
  };
  return (
    <>
      <button type="button" class="plain" aria-label={`Send the event of ${of} again`} disabled={isBusy} onClick={send}>
        Send again
      </button>
      {refusal && <Trouble refusal={refusal} changed="endpoint" />}
    </>
  );
}

/** What is being sent again; it is looked at until it is done. */
export function Replays({ endpoint: { replays }, again }: { endpoint: Replaying; again: () => void }): VNode | null {
  const isAny = replays.length > 0;
  useEffect(() => {
    if (!isAny) return;
    const timer = window.setInterval(() => !document.hidden && again(), EVERY);
    return () => clearInterval(timer);
  }, [isAny, again]);
  if (!isAny) return null;
  return (
    <section class="card">
      <h2>Being sent again</h2>
      <ul>
        {replays.map(({ orderNumber, createdAt, delivered, failed, nextAttemptAt }, index) => (
          <li key={index}>
            {orderNumber ? <Link to={`/orders/${encodeURIComponent(orderNumber)}`}>{orderNumber}</Link> : 'Several orders'}, asked for{' '}
            <Time at={createdAt} />: {number(delivered)} taken, {number(failed)} not taken
            {nextAttemptAt && (
              <>
                , next attempt <Time at={nextAttemptAt} isLong />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
