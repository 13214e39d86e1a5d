import type { ComponentType } from 'preact';
import { READS_REQUESTS } from './request-filter';
import { Audit } from './screens/audit';
import { OneEndpoint } from './screens/endpoint';
import { HealthScreen } from './screens/health';
import { Inbox } from './screens/inbox';
import { OneOrder } from './screens/order';
import { Orders } from './screens/orders';
import { Overview } from './screens/overview';
import { Partner } from './screens/partner';
import { Partners } from './screens/partners';
import { OneRequest } from './screens/request';
import { RequestLog } from './screens/request-log';
import { Webhooks } from './screens/webhooks';

interface Screen {
  /** Where it is below `/dashboard`; a part in braces is handed over under its name. */
  path: string;
  /** What the navigation calls it; a screen without a name is reached from others. */
  name?: string;
  /** The scopes of which it needs one to have something to show. */
  scopes?: string[];
  show: ComponentType<Record<string, string>>;
}

/** Every screen. To add one: an entry here. */
export const SCREENS: Screen[] = [
  { path: '/', name: 'Overview', show: Overview },
  { path: '/orders', name: 'Orders', show: Orders },
  { path: '/orders/{orderNumber}', show: OneOrder as Screen['show'] },
  { path: '/inbox', name: 'Inbox', scopes: ['orders:read'], show: Inbox },
  { path: '/partners', name: 'Partners', scopes: ['clients:read'], show: Partners },
  { path: '/partners/{clientId}', scopes: ['clients:read'], show: Partner as Screen['show'] },
  { path: '/webhooks', name: 'Webhooks', show: Webhooks },
  { path: '/webhooks/{clientId}/{name}', show: OneEndpoint as Screen['show'] },
  { path: '/requests', name: 'Request log', scopes: READS_REQUESTS, show: RequestLog },
  { path: '/requests/entry', scopes: READS_REQUESTS, show: OneRequest },
  { path: '/audit', name: 'Audit log', scopes: ['clients:read'], show: Audit },
  { path: '/health', name: 'Health', show: HealthScreen },
];

/** The screen at a path, with the parts of the path that it asks for. */
export function screenAt(path: string): { screen: Screen; parts: Record<string, string> } | undefined {
  const given = path.split('/');
  for (const screen of SCREENS) {
    const wanted = screen.path.split('/');
    if (wanted.length !== given.length) continue;
    const parts: Record<string, string> = {};
    const fits = wanted.every((part, index) => {
      const value = given[index] ?? '';
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      if (name) parts[name] = decoded(value);
      return name ? value !== '' : part === value;
    });
    if (fits) return { screen, parts };
  }
  return undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
