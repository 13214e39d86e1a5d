/** The rows of a list of orders: pages from the service, and what happens to orders meanwhile. */
import type { Refusal } from '../api';
import { Orders, type OrderRow, type OrdersAnswer, type SalesOrderFilter, type SalesOrderSort } from '../../generated/documents';
import { isPassing, pauseAfter, refusalOf } from './asked';
import { isFollowing, listen, type LiveEvent } from './live';
import { askAs } from './session';
import { store } from './store';

export interface Row {
  /** Where the list goes on behind it; a row that came live has none. */
  cursor: string | undefined;
  order: OrderRow;
  /** It came or changed while the list was open. */
  isNew: boolean;
  /** It was in the list, and what happened to it since took it out. It stays in its place until the list is read anew. */
  isGone: boolean;
}

const PAGE = 100;
/** The most rows in memory: what came in long ago goes first. */
const MOST_ROWS = 10_000;
/** The most orders of which is asked whether they belong here; when more change, the list offers to be read anew. */
const MOST_CHANGED = 500;
/** Milliseconds between two questions about changed orders. */
const PAUSE = 500;

export class OrderList {
  rows: Row[] = [];
  hasMore = false;
  isLoading = true;
  refusal: Refusal | undefined;
  /** Orders that belong into the list and are not shown yet. */
  fresh = new Map<string, OrderRow>();
  /** More changed than can be told one by one. */
  isStale = false;
  /** Counts what happens to the list, for whoever draws it. */
  readonly version = store(0);

  private readonly where: SalesOrderFilter | null;
  private readonly orderBy: SalesOrderSort;
  /** Whether new rows may be put in at once, for nobody is reading these. */
  private readonly mayPut: () => boolean;
  private changed = new Set<string>();
  /** Counts the loads: the answer of any but the last one is too old. */
  private turn = 0;
  /** More happened while the list was read than its answer can be trusted to have. */
  private missed = false;
  /** There was a gap while the list was read. */
  private owesLook = false;
  private failures = 0;
  private checkFailures = 0;
  private checking = false;
  private checkTimer: number | undefined;
  private retryTimer: number | undefined;
  private readonly abort = new AbortController();
  private readonly stop: () => void;

  constructor(where: SalesOrderFilter | null, orderBy: SalesOrderSort, mayPut: () => boolean) {
    this.where = where;
    this.orderBy = orderBy;
    this.mayPut = mayPut;
    this.stop = listen({ happened: (events) => this.happened(events), gap: () => void this.gap() });
    document.addEventListener('visibilitychange', this.seen);
    void this.load(undefined);
  }

  close(): void {
    this.stop();
    document.removeEventListener('visibilitychange', this.seen);
    this.abort.abort();
    clearTimeout(this.checkTimer);
    clearTimeout(this.retryTimer);
  }

  private tell(): void {
    this.version.set(this.version.get() + 1);
  }

  private ask(where: SalesOrderFilter | null, after: string | undefined): Promise<OrdersAnswer> {
    const variables = { first: PAGE, after: after ?? null, where, orderBy: this.orderBy };
    return askAs(Orders, variables, this.abort.signal);
  }

  /** Reads the first page anew, or the one after a row. */
  private async load(after: string | undefined): Promise<void> {
    clearTimeout(this.retryTimer);
    const mine = ++this.turn;
    const isOver = (): boolean => this.abort.signal.aborted || mine !== this.turn;
    this.isLoading = true;
    this.missed = false;
    this.tell();
    try {
      await isFollowing();
      if (isOver()) return;
      const { edges, pageInfo } = (await this.ask(this.where, after)).salesOrders;
      if (isOver()) return;
      const known = new Set(after === undefined ? [] : this.rows.map(({ order }) => order.orderNumber));
      const page = edges
        .filter(({ node }) => !known.has(node.orderNumber))
        .map(({ cursor, node }) => ({ cursor, order: node, isNew: false, isGone: false }));
      this.rows = after === undefined ? page : [...this.rows, ...page];
      if (after === undefined) {
        this.fresh.clear();
        this.isStale = this.missed;
      }
      for (const { order } of page) this.fresh.delete(order.orderNumber);
      this.hasMore = pageInfo.hasNextPage && this.rows.length < MOST_ROWS;
      this.refusal = undefined;
      this.failures = 0;
    } catch (error) {
      if (isOver()) return;
      this.refusal = refusalOf(error);
      const again = (): void => void this.load(after);
      this.failures += 1;
      if (isPassing(this.refusal)) this.retryTimer = window.setTimeout(again, pauseAfter(this.refusal, this.failures));
    }
    this.isLoading = false;
    this.tell();
    if (this.isStale) this.checkAfter(PAUSE);
    if (this.owesLook) void this.gap();
  }

  reload(): void {
    void this.load(undefined);
  }

  more(): void {
    if (this.hasMore && !this.isLoading && !this.refusal) void this.load(this.rows.at(-1)?.cursor);
  }

  /** Puts what is new where it belongs. */
  show(): void {
    if (this.isStale) return this.reload();
    for (const order of this.fresh.values()) {
      const row = { cursor: undefined, order, isNew: true, isGone: false };
      const at = this.rows.findIndex((other) => this.precedes(order, other.order));
      this.rows.splice(at < 0 ? this.rows.length : at, 0, row);
    }
    this.rows = this.rows.slice();
    this.fresh.clear();
    if (this.rows.length > MOST_ROWS) {
      // The list can go on only behind a row whose cursor is known.
      const last = this.rows.findLastIndex(({ cursor }, index) => index < MOST_ROWS && cursor !== undefined);
      this.rows.length = last < 0 ? MOST_ROWS : last + 1;
      this.hasMore = last >= 0;
    }
    this.tell();
  }

  private precedes(one: OrderRow, other: OrderRow): boolean {
    const key = ({ createdAt, updatedAt, orderNumber }: OrderRow): string => {
      if (this.orderBy.startsWith('ORDER_NUMBER')) return orderNumber;
      return `${this.orderBy.startsWith('UPDATED_AT') ? updatedAt : createdAt} ${orderNumber}`;
    };
    return this.orderBy.endsWith('DESC') ? key(one) > key(other) : key(one) < key(other);
  }

  /** Looks at the first page again, where nobody told of what happened. What it cannot tell is read anew. */
  private async gap(): Promise<void> {
    this.owesLook = this.isLoading;
    if (this.isLoading || this.refusal) return;
    if (this.rows.length > PAGE) return this.readAnew();
    const { turn } = this;
    try {
      const { edges, pageInfo } = (await this.ask(this.where, undefined)).salesOrders;
      if (turn !== this.turn) return void this.gap();
      const now = new Map(edges.map(({ node }) => [node.orderNumber, node]));
      const others = this.rows.map(({ order }) => order.orderNumber).filter((number) => !now.has(number));
      // They may be on the next page, or nowhere.
      if (others.length > 0 && pageInfo.hasNextPage) this.readAnew();
      else this.take([...now.keys(), ...others], now);
    } catch {
      if (!this.abort.signal.aborted) this.doubt();
    }
  }

  /** At once where nobody reads the rows; else when wanted. */
  private readAnew(): void {
    if (this.mayPut() && !document.hidden) this.reload();
    else this.doubt();
  }

  private readonly seen = (): void => {
    if (!document.hidden) this.checkAfter(0);
  };

  /** More may be another than can be looked at one by one. */
  private doubt(): void {
    this.changed.clear();
    this.fresh.clear();
    this.isStale = true;
    this.tell();
  }

  private happened(events: LiveEvent[]): void {
    for (const { orderNumber } of events) this.changed.add(orderNumber);
    if (this.changed.size > MOST_CHANGED) {
      this.missed = this.isLoading;
      this.doubt();
    }
    if (!this.checking && this.checkTimer === undefined) void this.check();
  }

  private checkAfter(pause: number): void {
    this.checkTimer ??= window.setTimeout(() => {
      this.checkTimer = undefined;
      void this.check();
    }, pause);
  }

  /** Asks which of the changed orders belong here now: only the service knows what the filter means. */
  private async check(): Promise<void> {
    // Who comes back to the page sets it going again.
    if (this.checking || document.hidden) return;
    if (this.isLoading) return this.checkAfter(PAUSE);
    if (this.isStale && this.mayPut() && !this.refusal) return this.reload();
    if (this.changed.size === 0) return;
    this.checking = true;
    const { turn } = this;
    const numbers = [...this.changed].slice(0, PAGE);
    // Before the answer: an order that changes once more meanwhile is asked for once more.
    numbers.forEach((number) => this.changed.delete(number));
    let pause = PAUSE;
    try {
      const { edges } = (await this.ask({ ...this.where, orderNumber: { in: numbers } }, undefined)).salesOrders;
      // A page that was read meanwhile may know better.
      if (turn !== this.turn) numbers.forEach((number) => this.changed.add(number));
      else this.take(numbers, new Map(edges.map(({ node }) => [node.orderNumber, node])));
      this.checkFailures = 0;
      if (this.changed.size > 0) pause = 0;
    } catch (error) {
      if (this.abort.signal.aborted) return;
      const refusal = refusalOf(error);
      if (isPassing(refusal)) {
        numbers.forEach((number) => this.changed.add(number));
        this.checkFailures += 1;
        pause = pauseAfter(refusal, this.checkFailures);
      } else {
        // The list itself says what is the matter when it is read.
        this.doubt();
      }
    }
    this.checking = false;
    this.checkAfter(pause);
  }

  private take(numbers: string[], now: Map<string, OrderRow>): void {
    const asked = new Set(numbers);
    this.rows = this.rows.map((row) => {
      const { orderNumber, updatedAt } = row.order;
      if (!asked.has(orderNumber)) return row;
      const order = now.get(orderNumber);
      now.delete(orderNumber);
      if (!order) return { ...row, isGone: true };
      return { ...row, order, isNew: row.isNew || order.updatedAt !== updatedAt, isGone: false };
    });
    const last = this.rows.at(-1)?.order;
    for (const [orderNumber, order] of now) {
      // What belongs further down comes with its page.
      if (!this.hasMore || !last || this.precedes(order, last)) this.fresh.set(orderNumber, order);
    }
    for (const number of numbers) if (this.fresh.has(number) && !now.has(number)) this.fresh.delete(number);
    if (this.fresh.size > MOST_CHANGED) return this.doubt();
    if (this.fresh.size > 0 && this.mayPut()) this.show();
    else this.tell();
  }
}
