/**
 * Views of the list of orders that people keep on the server. A view that is chosen becomes the page's address, which stays what the list
 * follows; only its name is there beside what it shows.
 */
import type { ListView, SalesOrderFilter, SalesOrderSort } from '../../generated/documents';
import type { Asked } from './asked';
import { exported, orderBy, queried, where } from './filter';
import { columnsOf, named } from './screens/orders/columns';
import { session } from './session';

export type Views = Asked<{ savedViews: ListView[] }>;

/** The name of a view in the address: no client id has a slash. */
export const keyOf = ({ clientId, name }: Pick<ListView, 'clientId' | 'name'>): string => `${clientId}/${name}`;

/** The view that the address names, if the page can show it: else what the list shows is not the view's. */
export function chosen(views: ListView[], query: URLSearchParams): ListView | undefined {
  const key = query.get('view');
  return key === null ? undefined : views.find((view) => keyOf(view) === key && addressOf(view));
}

/** The address of what a view shows; none where this page cannot ask for it. */
export function addressOf(view: ListView): URLSearchParams | undefined {
  if (view.problem) return undefined;
  const query = queried(JSON.parse(view.where ?? 'null') as SalesOrderFilter | null);
  if (!query) return undefined;
  query.set('order_by', (view.orderBy ?? 'CREATED_AT_DESC').toLowerCase());
  if (view.columns) query.set('columns', columnsOf(view.columns).join());
  query.set('view', keyOf(view));
  return query;
}

/** What a list shows, as it is saved. */
export function shown(query: URLSearchParams, columns: string[]): {
  where: SalesOrderFilter | null;
  orderBy: SalesOrderSort;
  columns: ListView['columns'];
} {
  return { where: where(query), orderBy: orderBy(query), columns: named(columns) };
}

/** Whether the list is another than the view shows. */
export function isChanged(view: ListView, query: URLSearchParams): boolean {
  const own = addressOf(view);
  return !own || told(own) !== told(query);
}

function told(query: URLSearchParams): string {
  const asked = exported(query);
  asked.sort();
  const pairs = [...asked].map(([name, value]) => `${name}=${value}`).sort();
  return JSON.stringify([pairs, query.get('columns')]);
}

/** What a list begins with: one's own default, or else that of the strongest scope, of those that the page can show. */
export function first(views: ListView[]): URLSearchParams | undefined {
  const scopes = [...(session.get()?.scopes ?? [])].reverse();
  const defaults = [views.find(({ isDefault }) => isDefault), ...scopes.map((scope) => views.find(({ defaultFor }) => defaultFor === scope))];
  return defaults.map((view) => view && addressOf(view)).find((address) => address !== undefined);
}
