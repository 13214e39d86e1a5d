// relay-compiler and relay-runtime: a connection in the store, an object by its global id, a subscription over graphql-ws.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import relay from 'relay-runtime';
import WebSocket from 'ws';
import create from './generated/relay/relayCreateMutation.graphql.js';
import events from './generated/relay/relayEventsSubscription.graphql.js';
import list from './generated/relay/relayListQuery.graphql.js';
import one from './generated/relay/relayOrderQuery.graphql.js';
import { follow } from './stage.mjs';

const { Environment, Network, Observable, RecordSource, Store, commitMutation, fetchQuery, requestSubscription } = relay;

await follow(({ base, token }) => {
  const authorization = { Authorization: `Bearer ${token}` };
  const sockets = createClient({
    url: `${base.replace('http', 'ws')}/graphql/ws`,
    webSocketImpl: WebSocket,
    connectionParams: authorization,
    retryAttempts: 0,
  });
  let extra = {};
  const fetched = async ({ text }, variables) => {
    const answer = await fetch(`${base}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...authorization, ...extra },
      body: JSON.stringify({ query: text, variables }),
    });
    return answer.json();
  };
  const followed = ({ text, name }, variables) =>
    Observable.create((sink) => sockets.subscribe({ operationName: name, query: text, variables }, sink));
  const environment = new Environment({
    network: Network.create(fetched, followed),
    store: new Store(new RecordSource()),
  });
  return {
    create: (input, headers) =>
      new Promise((done, onError) => {
        extra = headers;
        const onCompleted = ({ createSalesOrder }) => done(createSalesOrder);
        commitMutation(environment, { mutation: create, variables: { input }, onCompleted, onError });
      }),
    list: async () => {
      const { salesOrders } = await fetchQuery(environment, list, {}).toPromise();
      const nodes = salesOrders.edges.map(({ node }) => node);
      const { node } = await fetchQuery(environment, one, { id: nodes[0].id }).toPromise();
      assert.equal(node.orderNumber, nodes[0].orderNumber);
      return nodes;
    },
    subscribe: (cursor, tell) =>
      new Promise((onCompleted, onError) => {
        const onNext = ({ salesOrderEvents }) => tell(salesOrderEvents);
        const variables = { after: cursor() };
        requestSubscription(environment, { subscription: events, variables, onNext, onError, onCompleted });
      }),
    close: () => sockets.dispose(),
  };
});
