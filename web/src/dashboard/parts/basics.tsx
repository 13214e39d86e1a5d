import { Fragment, type ComponentChildren, type VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Refusal } from '../../api';
import type { OrderStatus } from '../../../generated/documents';
import { isPassing } from '../asked';
import { age, day, decimal, time, utc, words } from '../format';
import { address, go, isPlain, usePlace } from '../router';
import { session } from '../session';

interface LinkProps {
  to: string;
  query?: URLSearchParams | undefined;
  className?: string;
  children: ComponentChildren;
  tabIndex?: number;
  /** What a screen reader says, where the text alone could be another's. */
  label?: string;
  /** Whether it is what was chosen of several. */
  isChosen?: boolean;
}

/** A link within the dashboard. */
export function Link({ to, query, className, children, tabIndex, label, isChosen }: LinkProps): VNode {
  const { path } = usePlace();
  return (
    <a
      href={address(to, query)}
      class={className}
      tabIndex={tabIndex}
      aria-label={label}
      aria-current={isChosen ? 'true' : query === undefined && path === to ? 'page' : undefined}
      onClick={(event) => {
        if (!isPlain(event)) return;
        event.preventDefault();
        go(to, query);
      }}
    >
      {children}
    </a>
  );
}

/** An instant in the user's zone, and in UTC for who points at it. */
export function Time({ at, isLong = false }: { at: string; isLong?: boolean }): VNode {
  return (
    <time dateTime={at} title={utc(at)}>
      {time(at, isLong)}
    </time>
  );
}

export function Day({ at }: { at: string }): VNode {
  return <time dateTime={at}>{day(at)}</time>;
}

/** The present time, every so many milliseconds. */
export function useNow(every = 10_000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function Age({ since }: { since: string }): VNode {
  const now = useNow();
  return (
    <time dateTime={since} title={`since ${time(since, true)}, ${utc(since)}`}>
      {age(since, now)}
    </time>
  );
}

export function Status({ status }: { status: OrderStatus }): VNode {
  return <span class={`status ${status.toLowerCase()}`}>{words(status)}</span>;
}

export function Money({ amount, currency }: { amount: string | null; currency: string }): VNode {
  if (amount === null) return <span class="quiet">no price</span>;
  return (
    <span class="money">
      {decimal(amount)} <span class="quiet">{currency}</span>
    </span>
  );
}

/** A value, or a dash where there is none. */
export function Or({ value }: { value: string | null | undefined }): VNode {
  return value ? <>{value}</> : <span class="quiet">–</span>;
}

/** The name of an error code, which breaks between its words only. */
export function Code({ name }: { name: string }): VNode {
  return (
    <span class="code">
      {name.split(/(?<=_)/).map((word) => (
        <Fragment key={word}>
          {word}
          <wbr />
        </Fragment>
      ))}
    </span>
  );
}

/** A sentence of the service, in which backticks mark code. */
export function Sentence({ text }: { text: string }): VNode {
  return <>{text.split('`').map((part, index) => (index % 2 === 0 ? part : <code key={index}>{part}</code>))}</>;
}

function sentence(refusal: Refusal, isAskedAgain: boolean, changed: string | undefined): string {
  const { message, status, extensions, requestId } = refusal;
  const clientId = session.get()?.clientId ?? 'this client';
  const next = isAskedAgain ? 'The page asks again by itself.' : 'Try again in a while.';
  switch (extensions.code) {
    case 'INSUFFICIENT_SCOPE':
      return `${clientId} may not see or do this: it needs the scope ${extensions.scope ?? 'for it'}. An operator can give it that scope.`;
    case 'RATE_LIMITED':
      return `Too many requests for now. ${next}`;
    case 'DATABASE_UNAVAILABLE':
    case 'OVERLOADED':
      return `The service is too busy for now: ${message}. ${next}`;
    case 'INTERNAL_ERROR':
      return `Something failed in the service. Its operator can find it by the number ${requestId ?? 'in the log'}.`;
  }
  // An answer that was lost, or is a proxy's, tells nothing of what the service did.
  if (changed && (status === undefined || (status >= 500 && !extensions.code))) {
    return `No answer came. It may have been done; look at the ${changed}.`;
  }
  if (status === undefined) return `The service cannot be reached. ${next}`;
  const faults = extensions.errors?.map(({ pointer, message }) => `${pointer.slice(1)} ${message}`).join('; ');
  return faults ? `${message}: ${faults}` : message;
}

interface TroubleProps {
  refusal: Refusal;
  again?: (() => void) | undefined;
  /** What may pass is asked for again without anybody's doing. */
  isAskedAgain?: boolean;
  /** What was to be changed, where it was no question. */
  changed?: 'order' | 'endpoint' | 'view';
}

/** Why something is not there, and how to have it. */
export function Trouble({ refusal, again, isAskedAgain = false, changed }: TroubleProps): VNode {
  return (
    <div class={`trouble ${isPassing(refusal) ? 'passing' : ''}`} role="alert">
      <p>{sentence(refusal, isAskedAgain, changed)}</p>
      {again && refusal.extensions.code !== 'INSUFFICIENT_SCOPE' && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What a screen begins with. The browser's title and a screen reader follow it. */
export function Heading({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  useEffect(() => {
    document.title = `${title} · Dashboard · Sales Order API`;
  }, [title]);
  return (
    <div class="heading">
      <h1 tabIndex={-1} id="heading">
        {title}
      </h1>
      {children}
    </div>
  );
}

/** Whether the window is as a media query says. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const list = window.matchMedia(query);
    const follow = (): void => setMatches(list.matches);
    list.addEventListener('change', follow);
    return () => list.removeEventListener('change', follow);
  }, [query]);
  return matches;
}
