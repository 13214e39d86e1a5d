import type { VNode } from 'preact';
import { Clients, Endpoints } from '../../../generated/documents';
import { Heading, Trouble } from '../parts/basics';
import { More } from '../parts/more';
import { usePages } from '../paged';
import { askAs, may } from '../session';
import { EndpointTable } from './webhooks/table';

/** The endpoints of every client, a page of clients at a time; without that scope those of the viewer. */
export function Webhooks(): VNode {
  const list = usePages('endpoints', async (after) => {
    if (!may('clients:read')) return { items: (await askAs(Endpoints, { clientId: null })).webhookEndpoints, next: null };
    const { nodes, pageInfo } = (await askAs(Clients, { after })).clients;
    const answers = await Promise.all(nodes.map(({ clientId }) => askAs(Endpoints, { clientId })));
    return {
      items: answers.flatMap(({ webhookEndpoints }) => webhookEndpoints),
      next: pageInfo.hasNextPage ? pageInfo.endCursor : null,
    };
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
