/** The rows of the log of requests: pages from the service, and what is answered meanwhile. */
import type { Refusal } from '../api';
import { FollowRequests, Requests, type RequestRow, type RequestsAnswer } from '../../generated/documents';
import { isPassing, pauseAfter, refusalOf } from './asked';
import { follow } from './following';
import type { Meant } from './request-filter';
import { askAs } from './session';
import { store } from './store';

const PAGE = 50;
/** The most rows in memory; where more come, the list is read anew. */
const MOST_ROWS = 1_000;
/** The most entries that are offered to be put in; where more come, the list is read anew. */
const MOST_FRESH = 200;
/** Milliseconds. Entries that come close together are shown together. */
const TOGETHER = 200;
/** Milliseconds between two readings of the first page that nobody asked for. */
const PAUSE = 2_000;

/** What tells entries apart: a caller may give its id to many requests. */
export function keyOf({ at, requestId, row, operation }: RequestRow): string {
  return [at, requestId, row, operation].join(' ');
}

export class RequestList {
  rows: RequestRow[] = [];
  next: string | null = null;
  /** There is more than the list may hold. */
  isFull = false;
  isLoading = true;
  refusal: Refusal | undefined;
  /** Entries that are not shown yet, the newest first. */
  fresh: RequestRow[] = [];
  /** Keys of the rows that came while the list was open. */
  readonly arrived = new Set<string>();
  /** More came than can be told one by one. */
  isStale = false;
  /** Counts the failures that came. */
  failures = 0;
  /** Counts what happens to the list, for whoever draws it. */
  readonly version = store(0);

  private readonly meant: Meant;
  /** Whether new rows may be put in at once, for nobody is reading these. */
  private readonly mayPut: () => boolean;
  private came: RequestRow[] = [];
  private turn = 0;
  /** More came while the list was read than its answer can be trusted to have. */
  private missed = false;
  /** There was a gap while the list was read. */
  private owesLook = false;
  private tries = 0;
  /** When the first page was last read because much came. */
  private readAt = 0;
  private timer: number | undefined;
  private retry: number | undefined;
  private readonly abort = new AbortController();
  private readonly stop: () => void;

  constructor(meant: Meant, mayPut: () => boolean) {
    this.meant = meant;
    this.mayPut = mayPut;
    this.stop = follow(FollowRequests, { ...meant }, {
      next: ({ requestLog }) => this.happened(requestLog),
      gap: () => void this.look(),
    });
    document.addEventListener('visibilitychange', this.seen);
    void this.load(null);
  }

  close(): void {
    this.stop();
    this.abort.abort();
    document.removeEventListener('visibilitychange', this.seen);
    clearTimeout(this.timer);
    clearTimeout(this.retry);
  }

  private tell(): void {
    this.version.set(this.version.get() + 1);
  }

  private async ask(cursor: string | null): Promise<RequestsAnswer['requestLog']> {
    const { clientId, where } = this.meant;
    return (await askAs(Requests, { clientId, input: { ...where, limit: PAGE, cursor } }, this.abort.signal)).requestLog;
  }

  /** Reads the first page anew, or the one at a cursor. */
  private async load(cursor: string | null): Promise<void> {
    clearTimeout(this.retry);
    const mine = ++this.turn;
    this.isLoading = true;
    this.missed = false;
    this.tell();
    try {
      const { nodes, nextCursor } = await this.ask(cursor);
      if (mine !== this.turn) return;
      if (cursor === null) {
        this.rows = [];
        this.isStale = this.missed;
      }
      this.rows = [...this.rows, ...this.unknown(nodes)];
      const known = new Set(this.rows.map(keyOf));
      this.fresh = this.fresh.filter((entry) => !known.has(keyOf(entry)));
      this.isFull = nextCursor !== null && this.rows.length >= MOST_ROWS;
      this.next = this.isFull ? null : nextCursor;
      this.refusal = undefined;
      this.tries = 0;
    } catch (error) {
      if (this.abort.signal.aborted || mine !== this.turn) return;
      this.refusal = refusalOf(error);
      this.tries += 1;
      const again = (): void => void this.load(cursor);
      if (isPassing(this.refusal)) this.retry = window.setTimeout(again, pauseAfter(this.refusal, this.tries));
    }
    this.isLoading = false;
    this.tell();
    if (this.owesLook) void this.look();
    if (this.isStale) this.after(PAUSE);
  }

  reload(): void {
    void this.load(null);
  }

  more(): void {
    if (this.next !== null && !this.isLoading) void this.load(this.next);
  }

  /** Puts what is new where it belongs. */
  show(): void {
    if (this.isStale) return this.reload();
    this.fresh.forEach((entry) => this.arrived.add(keyOf(entry)));
    const both = [...this.fresh, ...this.rows];
    // One that was written late is not the newest.
    this.rows = both.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
    this.fresh = [];
    this.tell();
  }

  private unknown(entries: RequestRow[]): RequestRow[] {
    const known = new Set([...this.rows, ...this.fresh].map(keyOf));
    return entries.filter((entry) => !known.has(keyOf(entry)));
  }

  private happened(entry: RequestRow): void {
    if (this.came.length < MOST_ROWS) this.came.push(entry);
    this.after(TOGETHER);
  }

  private after(pause: number): void {
    this.timer ??= window.setTimeout(() => {
      this.timer = undefined;
      const came = this.came.reverse();
      this.came = [];
      this.take(came);
    }, pause);
  }

  private readonly seen = (): void => {
    if (!document.hidden) this.after(0);
  };

  /** Looks at the first page again, where nobody told of what came. */
  private async look(): Promise<void> {
    this.owesLook = this.isLoading;
    if (this.isLoading || this.refusal) return;
    const { turn } = this;
    try {
      const { nodes, nextCursor } = await this.ask(null);
      if (turn !== this.turn) return void this.look();
      // Where nothing of the page is known, there may be more behind it.
      if (nextCursor !== null && this.unknown(nodes).length === nodes.length) this.isStale = true;
      this.take(nodes);
    } catch {
      // The next gap is looked at too.
    }
  }

  private take(entries: RequestRow[]): void {
    // While the first page is read, what comes may be on it.
    if (this.isLoading && this.rows.length === 0) {
      this.came = [...entries].reverse().concat(this.came);
      return this.after(PAUSE);
    }
    const oldest = this.rows.at(-1)?.at;
    const isHere = ({ at }: RequestRow): boolean => !oldest || this.next === null || Date.parse(at) >= Date.parse(oldest);
    const added = this.unknown(entries).filter(isHere);
    this.failures += added.filter(({ status }) => status >= 400).length;
    // What comes while the list waits to be read anew is on its page then.
    this.fresh = this.isStale && !this.isLoading ? [] : [...added, ...this.fresh];
    if (this.fresh.length > MOST_FRESH || this.rows.length + this.fresh.length > MOST_ROWS) {
      this.isStale = true;
      this.missed = this.isLoading;
      this.fresh = [];
    }
    if (!this.mayPut() || document.hidden) this.tell();
    else if (this.isStale) this.readAnew();
    else if (this.fresh.length > 0) this.show();
  }

  /** However much comes, the service is asked at a steady pace. */
  private readAnew(): void {
    const wait = this.readAt + PAUSE - Date.now();
    if (wait > 0 || this.isLoading) return this.after(Math.max(wait, TOGETHER));
    this.readAt = Date.now();
    this.reload();
  }
}
