import type { VNode } from 'preact';
import { Clients, Endpoints, type Endpoint } from '../../../generated/documents';
import { Heading, Trouble } from '../parts/basics';
import { More } from '../parts/more';
import { usePages } from '../paged';
import { askAs, may } from '../session';
import { EndpointTable } from './webhooks/table';

/** So many clients are asked about side by side. */
const SIDE_BY_SIDE = 4;

/** The endpoints of every client, a page of clients at a time; without that scope those of the viewer. */
export function Webhooks(): VNode {
  const list = usePages('endpoints', async (after) => {
    if (!may('clients:read')) return { items: (await askAs(Endpoints, { clientId: null })).webhookEndpoints, next: null };
    const { nodes, pageInfo } = (await askAs(Clients, { after })).clients;
    const items: Endpoint[] = [];
    for (let at = 0; at < nodes.length; at += SIDE_BY_SIDE) {
      const group = nodes.slice(at, at + SIDE_BY_SIDE);
      const answers = await Promise.all(group.map(({ clientId }) => askAs(Endpoints, { clientId })));
      items.push(...answers.flatMap(({ webhookEndpoints }) => webhookEndpoints));
    }
    return { items, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  });
  return (
    <div class="screen">
      <Heading title="Webhooks" />
      {list.refusal && <Trouble refusal={list.refusal} again={list.again} />}
      {list.items.length > 0 && <EndpointTable endpoints={list.items} />}
      <More list={list} nothing="Nobody has an endpoint." />
    </div>
  );
}
