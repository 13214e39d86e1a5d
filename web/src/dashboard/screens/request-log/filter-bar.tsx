import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { withValues } from '../../filter';
import { localTime, words } from '../../format';
import { Chips } from '../../parts/chips';
import { asked, OUTCOMES, PARAMETERS, said } from '../../request-filter';
import { may } from '../../session';

interface Props {
  query: URLSearchParams;
  /** Codes to offer. */
  codes: string[];
  change: (query: URLSearchParams) => void;
}

const TIMES = ['since', 'until'];

export function RequestFilter({ query, codes, change }: Props): VNode {
  const present = asked(query);
  const set = (name: string, value: string): void => change(withValues(query, name, value ? [value] : []));
  const chips = Object.entries(present)
    .filter(([name]) => name !== 'request_id' && name !== 'outcome')
    .map(([name, value]) => ({ name, said: said(name, value) }));
  return (
    <search class="filter" aria-label="Filter requests">
      <form
        class="find"
        onSubmit={(event) => {
          event.preventDefault();
          set('request_id', String(new FormData(event.currentTarget).get('request_id') ?? '').trim());
        }}
      >
        <input
          type="search"
          name="request_id"
          key={present['request_id']}
          defaultValue={present['request_id'] ?? ''}
          aria-label="Request id, which the answer had in X-Request-Id"
          placeholder="Request id: X-Request-Id of the answer  ( / )"
          maxLength={128}
          spellcheck={false}
        />
        <button type="submit">Find</button>
      </form>
      <fieldset class="statuses">
        <legend class="unseen">Outcome</legend>
        {OUTCOMES.map((outcome) => (
          <label key={outcome} class="toggle">
            <input
              type="checkbox"
              checked={present['outcome'] === outcome}
              onChange={({ currentTarget }) => set('outcome', currentTarget.checked ? outcome : '')}
            />
            {words(outcome)}
          </label>
        ))}
      </fieldset>
      <More query={query} codes={codes} change={change} />
      <Chips
        chips={chips}
        takeOut={(name) => set(name, '')}
        takeOutAll={() => change(new URLSearchParams())}
      />
    </search>
  );
}

function More({ query, codes, change }: Props): VNode {
  const details = useRef<HTMLDetailsElement>(null);
  const present = asked(query);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const entered = new FormData(event.currentTarget as HTMLFormElement);
    let next = query;
    for (const name of fields()) {
      const typed = String(entered.get(name) ?? '').trim();
      // A field for times has minutes; what came by a link may be more exact and stays so.
      if (TIMES.includes(name) && typed === (present[name] ? localTime(present[name]) : '')) continue;
      const value = typed && TIMES.includes(name) ? new Date(typed).toISOString() : typed;
      next = withValues(next, name, value ? [value] : []);
    }
    if (details.current) details.current.open = false;
    change(next);
  };
  return (
    <details class="menu wide" ref={details}>
      <summary>More conditions</summary>
      <form onSubmit={submit} key={query.toString()}>
        {fields().map((name) => (
          <label key={name}>
            {PARAMETERS[name]?.label}
            {TIMES.includes(name) ? (
              <input type="datetime-local" name={name} defaultValue={present[name] ? localTime(present[name]) : ''} />
            ) : (
              <input
                name={name}
                list={name === 'code' ? 'codes' : undefined}
                pattern={name === 'status' ? '[1-5][0-9][0-9]' : undefined}
                title={name === 'status' ? 'An HTTP status, such as 409' : undefined}
                defaultValue={present[name] ?? ''}
                maxLength={70}
                spellcheck={false}
              />
            )}
          </label>
        ))}
        <datalist id="codes">
          {codes.map((code) => (
            <option key={code} value={code} />
          ))}
        </datalist>
        <button type="submit" class="first">
          Apply
        </button>
      </form>
    </details>
  );
}

/** Whoever reads only what it sent itself has no other client to ask for. */
function fields(): string[] {
  const others = Object.keys(PARAMETERS).filter((name) => name !== 'request_id' && name !== 'outcome');
  return may('clients:read') ? others : others.filter((name) => name !== 'client_id');
}
