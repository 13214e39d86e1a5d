// What relay-compiler reads. In a web page its Babel plugin puts the artifacts in the place of these; here they are imported.
import { graphql } from 'relay-runtime';

export const documents = () => [
  graphql`
    mutation relayCreateMutation($input: CreateSalesOrderInput!) {
      createSalesOrder(input: $input) { replayed salesOrder { id orderNumber totalAmount } }
    }
  `,
  graphql`
    query relayListQuery {
      salesOrders(first: 10) @connection(key: "relay_salesOrders") { edges { node { id orderNumber } } }
    }
  `,
  graphql`
    query relayOrderQuery($id: ID!) { node(id: $id) { ... on SalesOrder { orderNumber status } } }
  `,
  graphql`
    subscription relayEventsSubscription($after: String) {
      salesOrderEvents(after: $after) { id cursor kind orderNumber }
    }
  `,
];
