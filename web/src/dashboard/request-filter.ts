/**
 * The filter of the log of requests. Its parameters stand in the page's address under the names that REST has for them, and make the
 * variables of GraphQL.
 */
import type { RequestLogFilter } from '../../generated/documents';
import { time, words } from './format';
import { may } from './session';

/** Who reads requests: those of everybody, or its own as a partner. */
export const READS_REQUESTS = ['clients:read', 'orders:create'];

export function readsRequests(): boolean {
  return READS_REQUESTS.some(may);
}

export const OUTCOMES = ['SUCCEEDED', 'FAILED'];

interface Parameter {
  label: string;
  isPossible: (value: string) => boolean;
}

const isText =
  (most: number) =>
  (value: string): boolean =>
    value !== '' && value.length <= most;
const isTime = (value: string): boolean => !Number.isNaN(Date.parse(value));

/** By the names of the parameters. */
export const PARAMETERS: Record<string, Parameter> = {
  request_id: { label: 'Request id', isPossible: isText(128) },
  outcome: { label: 'Outcome', isPossible: (value) => OUTCOMES.includes(value) },
  client_id: { label: 'Client', isPossible: isText(64) },
  status: { label: 'Status', isPossible: (value) => /^[1-5]\d\d$/.test(value) },
  code: { label: 'Code', isPossible: isText(64) },
  hint: { label: 'Hint', isPossible: isText(64) },
  route: { label: 'Path', isPossible: isText(200) },
  order_number: { label: 'Order', isPossible: isText(64) },
  partner_reference: { label: "Partner's number", isPossible: isText(70) },
  since: { label: 'From', isPossible: isTime },
  until: { label: 'Before', isPossible: isTime },
};

/** What the address asks for, by the names of the parameters. What it cannot ask for is left out. */
export function asked(query: URLSearchParams): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, { isPossible }] of Object.entries(PARAMETERS)) {
    const value = query.get(name)?.trim() ?? '';
    if (isPossible(value)) found[name] = value;
  }
  return found;
}

export interface Meant {
  clientId: string | null;
  where: RequestLogFilter;
}

/** The same as variables. */
export function meant(query: URLSearchParams): Meant {
  const { client_id, outcome, status, code, hint, route, since, until, order_number, partner_reference, request_id } = asked(query);
  return {
    clientId: client_id ?? null,
    where: {
      outcome: (outcome as RequestLogFilter['outcome']) ?? null,
      status: status === undefined ? null : Number(status),
      code: code ?? null,
      hint: hint ?? null,
      route: route ?? null,
      since: since ?? null,
      until: until ?? null,
      orderNumber: order_number ?? null,
      partnerReference: partner_reference ?? null,
      requestId: request_id ?? null,
    },
  };
}

/** A condition as people say it. */
export function said(name: string, value: string): string {
  const shown = name === 'since' || name === 'until' ? time(value) : name === 'outcome' ? words(value) : value;
  return `${PARAMETERS[name]?.label ?? name} ${shown}`;
}
