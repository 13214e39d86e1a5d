import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { conditions, FIELDS, said, STATUSES, withValues } from '../../filter';
import { words } from '../../format';
import { Chips } from '../../parts/chips';

interface Props {
  query: URLSearchParams;
  change: (query: URLSearchParams) => void;
}

/** Milliseconds without a key after which what was typed is searched for. */
const TYPING = 350;

export function FilterBar({ query, change }: Props): VNode {
  const statuses = query.getAll('status');
  const chips = conditions(query).filter(({ field }) => field !== 'status' && field !== 'search');
  return (
    <search class="filter" aria-label="Filter orders">
      <SearchField query={query} change={change} />
      <fieldset class="statuses">
        <legend class="unseen">Status</legend>
        {STATUSES.map((status) => (
          <label key={status} class="toggle">
            <input
              type="checkbox"
              checked={statuses.includes(status)}
              onChange={({ currentTarget }) => {
                const next = currentTarget.checked ? [...statuses, status] : statuses.filter((other) => other !== status);
                change(withValues(query, 'status', next));
              }}
            />
            {words(status)}
          </label>
        ))}
      </fieldset>
      <More query={query} change={change} />
      <Chips
        chips={chips.map((condition) => ({ name: condition.name, said: said(condition) }))}
        takeOut={(name) => change(withValues(query, name, []))}
        takeOutAll={() => {
          const sort = query.get('order_by');
          change(new URLSearchParams(sort ? { order_by: sort } : {}));
        }}
      />
    </search>
  );
}

function SearchField({ query, change }: Props): VNode {
  const asked = query.get('search') ?? '';
  const [typed, setTyped] = useState(asked);
  const timer = useRef<number | undefined>(undefined);
  // What the address says counts, as when somebody goes back.
  useEffect(() => setTyped(asked), [asked]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const search = (text: string): void => {
    clearTimeout(timer.current);
    if (text.trim() !== asked) change(withValues(query, 'search', text.trim() ? [text.trim()] : []));
  };
  return (
    <input
      type="search"
      name="search"
      aria-label="Search orders: number, customer, site, sales person, address, product"
      placeholder="Search: number, customer, site, product …  ( / )"
      value={typed}
      maxLength={200}
      spellcheck={false}
      onInput={({ currentTarget: { value } }) => {
        setTyped(value);
        clearTimeout(timer.current);
        timer.current = window.setTimeout(() => search(value), TYPING);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') search(event.currentTarget.value);
        if (event.key === 'Escape') event.currentTarget.blur();
      }}
    />
  );
}

/** The start of a day of the user's calendar, as an instant. */
function startOf(date: string): string {
  return new Date(`${date}T00:00`).toISOString();
}

/** The day of the user's calendar on which an instant is. */
function dayOf(iso: string): string {
  const local = new Date(iso);
  return `${local.getFullYear()}-${String(local.getMonth() + 1).padStart(2, '0')}-${String(local.getDate()).padStart(2, '0')}`;
}

/** The day after or before, of a date without a time. */
function shifted(date: string, days: number): string {
  const moved = new Date(`${date}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

function More({ query, change }: Props): VNode {
  const details = useRef<HTMLDetailsElement>(null);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const entered = new FormData(event.currentTarget as HTMLFormElement);
    const value = (name: string): string => String(entered.get(name) ?? '').trim();
    let next = query;
    for (const [field, { kind }] of Object.entries(FIELDS)) {
      if (kind === 'text') {
        const typed = value(field);
        // A value that came by a link is exact and stays so until another is typed.
        if (typed === (query.get(field) ?? query.get(`${field}_contains`) ?? '')) continue;
        next = withValues(withValues(next, field, []), `${field}_contains`, typed ? [typed] : []);
      } else if (kind === 'time' || kind === 'day') {
        for (const operator of ['gte', 'lt']) {
          const name = `${field}_${operator}`;
          const date = value(name);
          if (date === shownDate(query, name, kind)) continue;
          // Both days count; the service leaves the end out.
          const bound = date && operator === 'lt' ? shifted(date, 1) : date;
          next = withValues(next, name, bound ? [kind === 'time' ? startOf(bound) : bound] : []);
        }
      } else if (field !== 'search' && field !== 'status') {
        next = withValues(next, field, value(field) ? [value(field)] : []);
      }
    }
    if (details.current) details.current.open = false;
    change(next);
  };
  return (
    <details class="menu wide" ref={details}>
      <summary>More conditions</summary>
      <form onSubmit={submit} key={query.toString()}>
        {Object.entries(FIELDS).map(([field, { label, kind }]) => {
          if (field === 'search' || field === 'status') return null;
          if (kind === 'time' || kind === 'day') {
            return ['gte', 'lt'].map((operator) => (
              <label key={`${field}_${operator}`}>
                {label}, {operator === 'gte' ? 'first day' : 'last day'}
                <input
                  type="date"
                  name={`${field}_${operator}`}
                  defaultValue={shownDate(query, `${field}_${operator}`, kind)}
                />
              </label>
            ));
          }
          if (field === 'request_state') {
            return (
              <label key={field}>
                {label} of the partner
                <select name={field} defaultValue={query.get(field) ?? ''}>
                  <option value="">Any or none</option>
                  {['PENDING', 'ACCEPTED', 'REJECTED', 'SUPERSEDED'].map((state) => (
                    <option key={state} value={state} selected={query.get(field) === state}>
                      {words(state)}
                    </option>
                  ))}
                </select>
              </label>
            );
          }
          return (
            <label key={field}>
              {label}
              {kind === 'text' && ' has'}
              <input
                name={field}
                defaultValue={query.get(field) ?? query.get(`${field}_contains`) ?? ''}
                maxLength={128}
                spellcheck={false}
              />
            </label>
          );
        })}
        <button type="submit" class="first">
          Apply
        </button>
      </form>
    </details>
  );
}

function shownDate(query: URLSearchParams, name: string, kind: 'time' | 'day'): string {
  const value = query.get(name);
  if (!value || Number.isNaN(Date.parse(value))) return '';
  const date = kind === 'time' ? dayOf(value) : value;
  return name.endsWith('_lt') ? shifted(date, -1) : date;
}
