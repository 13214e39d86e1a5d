/**
 * The filter of the list of orders. Its parameters stand in the page's address under the names that an export over REST has
 * for them, and make the variables of GraphQL: what is seen, what is linked and what is exported are one thing.
 */
import type { OrderStatus, SalesOrderFilter, SalesOrderSort } from '../../generated/documents';
import { day, time, words } from './format';

export const STATUSES: OrderStatus[] = ['RECEIVED', 'CONFIRMED', 'SHIPPED', 'DELIVERED', 'CANCELLED'];

export type Kind = 'code' | 'text' | 'status' | 'time' | 'day' | 'words';

interface Parameter {
  label: string;
  kind: Kind;
}

/** Fields of the filter by the names of their parameters, without what is asked of them. */
export const FIELDS: Record<string, Parameter> = {
  search: { label: 'Search', kind: 'words' },
  status: { label: 'Status', kind: 'status' },
  client_id: { label: 'Partner', kind: 'code' },
  customer_code: { label: 'Customer', kind: 'text' },
  site_code: { label: 'Site', kind: 'text' },
  sales_name: { label: 'Sales person', kind: 'text' },
  product_code: { label: 'Product', kind: 'text' },
  partner_reference: { label: "Partner's number", kind: 'text' },
  created_at: { label: 'Received', kind: 'time' },
  updated_at: { label: 'Changed', kind: 'time' },
  requested_delivery_date: { label: 'Delivery asked for', kind: 'day' },
  request_state: { label: 'Request', kind: 'code' },
  not_acknowledged_by: { label: 'Not acknowledged by', kind: 'words' },
};

const OPERATORS: Record<Kind, string[]> = {
  code: ['in'],
  status: ['in'],
  text: ['in', 'contains'],
  time: ['gte', 'lt'],
  day: ['gte', 'lt'],
  words: [''],
};

export interface Condition {
  /** The name of the parameter, such as `customer_code_contains`. */
  name: string;
  field: string;
  operator: string;
  values: string[];
}

/** What the address asks for. What it cannot ask for is left out. */
export function conditions(query: URLSearchParams): Condition[] {
  const found: Condition[] = [];
  for (const [field, { kind }] of Object.entries(FIELDS)) {
    for (const operator of OPERATORS[kind]) {
      const name = operator === '' || operator === 'in' ? field : `${field}_${operator}`;
      const values = query.getAll(name).filter((value) => isPossible(kind, value));
      if (values.length > 0) found.push({ name, field, operator, values });
    }
  }
  return found;
}

function isPossible(kind: Kind, value: string): boolean {
  if (kind === 'status') return (STATUSES as string[]).includes(value);
  if (kind === 'time') return !Number.isNaN(Date.parse(value));
  if (kind === 'day') return /^\d{4}-\d\d-\d\d$/.test(value);
  return value.trim() !== '';
}

const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The variable `where`; null where nothing is asked. */
export function where(query: URLSearchParams): SalesOrderFilter | null {
  const filter: Record<string, unknown> = {};
  for (const { field, operator, values } of conditions(query)) {
    const name = camel(field);
    if (operator === '') filter[name] = values[0];
    else filter[name] = { ...(filter[name] as object), [operator]: operator === 'in' ? values : values[0] };
  }
  return Object.keys(filter).length > 0 ? (filter as SalesOrderFilter) : null;
}

/** The parameters that make this variable; none where it has a part that the page would leave out, for then it would ask for more. */
export function queried(filter: SalesOrderFilter | null): URLSearchParams | undefined {
  const query = new URLSearchParams();
  let left = Object.keys(filter ?? {}).length;
  for (const [field, { kind }] of Object.entries(FIELDS)) {
    const asked = filter?.[camel(field) as keyof SalesOrderFilter] as unknown;
    if (asked === undefined) continue;
    left -= 1;
    if (asked === null) continue;
    const parts = typeof asked === 'object' ? Object.entries(asked).filter(([, value]) => value !== null) : [['', asked]];
    if (parts.filter(([operator]) => operator === 'eq' || operator === 'in').length > 1) return undefined;
    for (const [operator, value] of parts as [string, string | string[]][]) {
      const asList = operator === 'eq' ? 'in' : operator;
      if (!OPERATORS[kind].includes(asList)) return undefined;
      const name = asList === '' || asList === 'in' ? field : `${field}_${asList}`;
      const values = [value].flat();
      if (values.length === 0 || !values.every((each) => isPossible(kind, each))) return undefined;
      values.forEach((each) => query.append(name, each));
    }
  }
  return left === 0 ? query : undefined;
}

const SORTS: SalesOrderSort[] = [
  'CREATED_AT_DESC',
  'CREATED_AT_ASC',
  'UPDATED_AT_DESC',
  'UPDATED_AT_ASC',
  'ORDER_NUMBER_DESC',
  'ORDER_NUMBER_ASC',
];

export function orderBy(query: URLSearchParams): SalesOrderSort {
  const asked = query.get('order_by')?.toUpperCase();
  return SORTS.find((sort) => sort === asked) ?? 'CREATED_AT_DESC';
}

/** The parameters of the export of the same orders in the same sequence. */
export function exported(query: URLSearchParams): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const { name, values } of conditions(query)) values.forEach((value) => parameters.append(name, value));
  parameters.set('order_by', orderBy(query).toLowerCase());
  return parameters;
}

/** The query with other values for a parameter; none takes it out. */
export function withValues(query: URLSearchParams, name: string, values: string[]): URLSearchParams {
  const changed = new URLSearchParams(query);
  changed.delete(name);
  values.forEach((value) => changed.append(name, value));
  return changed;
}

const SAID: Record<string, string> = { in: '', contains: 'has', gte: 'from', lt: 'before', '': '' };

/** A condition as people say it. */
export function said({ field, operator, values }: Condition): string {
  const { label, kind } = FIELDS[field] as Parameter;
  const shown = values.map((value) => {
    if (kind === 'time') return time(value);
    if (kind === 'day') return day(value);
    return kind === 'status' || field === 'request_state' ? words(value) : value;
  });
  return [label, SAID[operator], shown.join(' or ')].filter(Boolean).join(' ');
}
