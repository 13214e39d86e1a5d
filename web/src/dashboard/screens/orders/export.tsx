import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { bearer, Refusal } from '../../../api';
import { OrderTotals } from '../../../../generated/documents';
import { at } from '../../../root';
import { refusalOf } from '../../asked';
import { exported, where } from '../../filter';
import { number, ZONE } from '../../format';
import { Trouble } from '../../parts/basics';
import { askAs, session } from '../../session';

const FORMATS: Record<string, { label: string; file: string; type: string; form: Record<string, string> }> = {
  spreadsheet: {
    label: 'For a spreadsheet (CSV)',
    file: 'sales-orders.csv',
    type: 'text/csv',
    form: { for: 'spreadsheet', time_zone: ZONE },
  },
  csv: { label: 'CSV, exact texts for programs', file: 'sales-orders.csv', type: 'text/csv', form: { for: 'program' } },
  jsonl: { label: 'JSON Lines', file: 'sales-orders.jsonl', type: 'application/jsonl', form: {} },
};

type State =
  | { is: 'idle' }
  | { is: 'running'; rows: number; of: number | undefined }
  | { is: 'done'; bytes: number }
  | { is: 'failed'; refusal: Refusal };

/** The orders of the filter as a file, as the service's export writes it. */
export function Export({ query }: { query: URLSearchParams }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [format, setFormat] = useState('spreadsheet');
  const [state, setState] = useState<State>({ is: 'idle' });
  const abort = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => abort.current?.abort(), []);

  async function run(): Promise<void> {
    const { file, type, form } = FORMATS[format] as (typeof FORMATS)[string];
    const stop = new AbortController();
    abort.current = stop;
    setState({ is: 'running', rows: 0, of: undefined });
    try {
      const filter = where(query);
      const totals = askAs(OrderTotals, { where: filter }, stop.signal).then(
        ({ salesOrderSummary: { totals } }) => (format === 'jsonl' ? totals.orders : totals.lines),
        () => undefined,
      );
      const parameters = exported(query);
      Object.entries(form).forEach(([name, value]) => parameters.set(name, value));
      const answer = await fetch(at(`/api/v1/${file}?${parameters}`), {
        headers: bearer(session.get()),
        signal: stop.signal,
      });
      if (!answer.ok || !answer.body) throw await refused(answer);
      const of = await totals;
      const parts = await read(answer.body, type === 'text/csv', (rows) => setState({ is: 'running', rows, of }));
      const whole = new Blob(parts, { type });
      save(whole, file);
      setState({ is: 'done', bytes: whole.size });
    } catch (error) {
      if (stop.signal.aborted) setState({ is: 'idle' });
      else setState({ is: 'failed', refusal: refusalOf(error) });
    }
  }

  const close = (): void => {
    abort.current?.abort();
    setState({ is: 'idle' });
  };
  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        Export
      </button>
      <dialog ref={dialog} aria-labelledby="export-title" onClose={close}>
        <h2 id="export-title">Export these orders</h2>
        <p class="quiet">Every order of the filter, in the sequence of the list.</p>
        <fieldset disabled={state.is === 'running'}>
          <legend class="unseen">Format</legend>
          {Object.entries(FORMATS).map(([name, { label }]) => (
            <label key={name} class="check">
              <input type="radio" name="format" checked={format === name} onChange={() => setFormat(name)} />
              {label}
            </label>
          ))}
        </fieldset>
        <Progress state={state} />
        <div class="buttons">
          {state.is === 'running' ? (
            <button type="button" onClick={() => abort.current?.abort()}>
              Stop
            </button>
          ) : (
            <button type="button" class="first" onClick={() => void run()}>
              Export
            </button>
          )}
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
      </dialog>
    </>
  );
}

function Progress({ state }: { state: State }): VNode | null {
  if (state.is === 'failed') return <Trouble refusal={state.refusal} />;
  if (state.is === 'done') {
    return <p role="status">The file is whole: {number(Math.ceil(state.bytes / 1024))} KiB. It is among your downloads.</p>;
  }
  if (state.is !== 'running') return null;
  const { rows, of } = state;
  return (
    <p>
      <progress aria-label="Export" max={of ?? 1} value={of === undefined ? undefined : Math.min(rows, of)} />
      {number(rows)} {of === undefined ? '' : `of ${number(of)}`} rows
    </p>
  );
}

async function refused(answer: Response): Promise<Refusal> {
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string; code?: string };
  return new Refusal(problem.detail ?? `The service answered ${answer.status}.`, { code: problem.code ?? '' }, answer);
}

/** Reads the whole file; an answer that breaks off fails. Rows are counted by their line breaks, those within a cell left out. */
async function read(
  body: ReadableStream<Uint8Array>,
  isCsv: boolean,
  progress: (rows: number) => void,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = body.getReader();
  let rows = 0;
  let isQuoted = false;
  let shown = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return parts;
    parts.push(value as Uint8Array<ArrayBuffer>);
    for (const byte of value) {
      if (isCsv && byte === 0x22) isQuoted = !isQuoted;
      else if (byte === 0x0a && !isQuoted) rows += 1;
    }
    if (Date.now() - shown > 100) {
      shown = Date.now();
      progress(rows);
    }
  }
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
