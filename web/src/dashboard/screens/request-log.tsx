import type { VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { RequestErrors } from '../../../generated/documents';
import { announce } from '../announce';
import { useAnswer, type Asked } from '../asked';
import { number } from '../format';
import { Heading, Trouble } from '../parts/basics';
import { useKeys } from '../parts/shortcuts';
import { asked, meant } from '../request-filter';
import { RequestList } from '../request-list';
import { go, usePlace } from '../router';
import { useStore } from '../store';
import { RequestFilter } from './request-log/filter-bar';
import { ErrorGroups } from './request-log/groups';
import { RequestRows } from './request-log/rows';

/** Milliseconds between two questions for the groups while requests fail. */
const GROUPS = 2_000;

/** What was asked and what was answered, as it happens: why a request failed, and what failed most. */
export function RequestLog(): VNode {
  const { query } = usePlace();
  const { clientId, where } = meant(query);
  const { since = null, until = null } = where;
  const errors = useAnswer(RequestErrors, { clientId, input: { since, until } });
  const groups = errors.data?.requestErrors ?? [];
  const codes = [...new Set(groups.flatMap(({ code }) => code ?? []))].sort();
  // What the list depends on; anything else in the address leaves it as it is.
  const key = JSON.stringify(asked(query));
  return (
    <div class="screen">
      <Heading title="Request log" />
      <RequestFilter query={query} codes={codes} change={(next) => go('/requests', next)} />
      {/* Where there is no log, the list says so. */}
      {errors.refusal && errors.refusal.extensions.code !== 'NOT_FOUND' && (
        <Trouble refusal={errors.refusal} isAskedAgain again={errors.again} />
      )}
      {groups.length > 0 && (
        <section class="card">
          <h2>Failures by cause{since || until ? '' : ' in the last 24 hours'}</h2>
          <ErrorGroups groups={groups} within={query} />
        </section>
      )}
      <List key={key} query={query} errors={errors} />
    </div>
  );
}

function List({ query, errors }: { query: URLSearchParams; errors: Asked<unknown> }): VNode {
  const box = useRef<HTMLDivElement>(null);
  const list = useMemo(() => {
    // Nobody points at the rows, works in them or has scrolled down.
    const isIdle = (): boolean => window.scrollY === 0 && !box.current?.matches(':hover, :focus-within');
    return new RequestList(meant(query), isIdle);
  }, []);
  useEffect(() => () => list.close(), [list]);
  useStore(list.version);
  useFailures(list.failures, errors.again);
  useNews(list);
  useKeys({
    j: () => move(box.current, 1),
    k: () => move(box.current, -1),
    n: () => list.show(),
    '/': () => document.querySelector<HTMLInputElement>('input[name="request_id"]')?.focus(),
  });

  const { refusal } = list;
  // No log is kept, or there is no such client: the service says which.
  if (refusal?.extensions.code === 'NOT_FOUND') return <p class="nothing">{refusal.message}.</p>;
  return (
    <>
      {(list.fresh.length > 0 || list.isStale) && (
        <button type="button" class="news" onClick={() => list.show()}>
          {list.isStale ? 'Many requests came: read the list anew' : `${number(list.fresh.length)} new: show`}
        </button>
      )}
      {refusal && <Trouble refusal={refusal} isAskedAgain again={() => list.reload()} />}
      {list.rows.length > 0 && <RequestRows list={list} box={box} />}
      {list.isLoading && <p class="quiet">Reading …</p>}
      {!list.isLoading && !refusal && list.rows.length === 0 && <p class="nothing">No request meets every condition.</p>}
      {list.isFull && <p class="quiet">There are more: add a condition to see them.</p>}
      {!list.isLoading && list.next !== null && (
        <p>
          <button type="button" onClick={() => list.more()}>
            More
          </button>
        </p>
      )}
    </>
  );
}

function move(box: HTMLElement | null, by: number): void {
  const links = [...(box?.querySelectorAll<HTMLElement>('tbody th a') ?? [])];
  const present = links.indexOf(document.activeElement as HTMLElement);
  links[Math.min(Math.max(present < 0 ? 0 : present + by, 0), links.length - 1)]?.focus();
}

/** Asks for the groups anew when requests failed, at a steady pace. */
function useFailures(failures: number, again: () => void): void {
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (failures === 0) return;
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      again();
    }, GROUPS);
  }, [failures]);
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** Tells a screen reader of new requests, not more often than it can be listened to. */
function useNews(list: RequestList): void {
  const count = list.fresh.length + list.arrived.size;
  const told = useRef(0);
  useEffect(() => {
    if (count > told.current) announce(count - told.current === 1 ? 'One new request' : `${count - told.current} new requests`);
    told.current = count;
  }, [count]);
}
