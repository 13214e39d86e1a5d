export const BASE_URL: string;
export const CLIENT_ID: string;
export const CLIENT_SECRET: string;
export const DASHBOARD_ID: string;
export const DASHBOARD_SECRET: string;

export function signature(): { 'X-CLIENT-ID': string; 'X-TIMESTAMP': string; 'X-SIGNATURE': string };

interface NewOrder {
  customerCode: string;
  siteCode: string;
  salesName: string;
  address: string;
  partnerReference: string;
  products: { productCode: string; quantity: number; unitPrice: string }[];
}
interface Event {
  cursor: string;
  orderNumber: string;
}
interface Client {
  // The field is nullable in a schema that tells what was done before a failure, and in older ones it is not.
  create(
    order: NewOrder,
    headers: Record<string, string>,
  ): Promise<{ replayed: boolean; salesOrder: { orderNumber: string } } | null | undefined>;
  list(): Promise<{ orderNumber: string }[]>;
  subscribe(cursor: () => string, tell: (event: Event) => void): Promise<void>;
  close(): void | Promise<void>;
}
export function follow(
  make: (given: { base: string; token: string; mended: () => Promise<void> }) => Client | Promise<Client>,
): Promise<void>;
