interface Example {
  query: string;
  variables?: string;
}

const json = (value: object): string => JSON.stringify(value, null, 2);

const logIn: Example = {
  query: `# Opens a session. The panel "Sign in" does the same and then
# sends the token with every operation.
mutation LogIn($input: LoginInput!) {
  login(input: $input) {
    token
    expiredAt
  }
}
`,
  variables: json({ input: { clientId: 'versuni-client-001', clientSecret: 'your-client-secret' } }),
};

const create: Example = {
  query: `# Sends an order. Sign in as a partner first, and load the partner's
# private key in the panel "Signing key".
mutation CreateSalesOrder($input: CreateSalesOrderInput!) {
  createSalesOrder(input: $input) {
    message
    replayed
    salesOrder {
      orderNumber
      status
      totalQuantity
      totalAmount
      currency
      createdAt
    }
  }
}
`,
  variables: json({
    input: {
      customerCode: 'CUST-001',
      siteCode: 'SITE-001',
      salesName: 'John Doe',
      address: 'Jl. Sudirman No. 1, Jakarta',
      products: [{ productCode: 'HD9650', productName: 'Airfryer XXL', quantity: 2, unit: 'PCS', unitPrice: '3499000' }],
    },
  }),
};

const page: Example = {
  query: `# One page of orders, newest first. For the next page, set after to the
# endCursor of this one.
query Page($first: Int = 20, $after: String, $where: SalesOrderFilter) {
  salesOrders(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      orderNumber
      status
      customerCode
      salesName
      totalQuantity
      totalAmount
      currency
      createdAt
    }
  }
}
`,
  variables: json({ first: 20, where: { search: 'jakarta' } }),
};

const summary: Example = {
  query: `# What the same filter comes to, by day and status. Days are cut in
# the time zone given.
query Summary($where: SalesOrderFilter) {
  salesOrderSummary(groupBy: [DAY, STATUS], timeZone: "Asia/Jakarta", where: $where) {
    groups {
      keys {
        dimension
        value
      }
      figures {
        orders
        quantity
        amounts {
          currency
          amount
        }
      }
    }
    totals {
      orders
      customers
    }
    truncated
  }
}
`,
};

const follow: Example = {
  query: `# What happens from now on, or after a cursor, over a WebSocket. Run it,
# then create an order in a second window: another tab would end it.
subscription Follow($after: String) {
  salesOrderEvents(after: $after) {
    cursor
    kind
    orderNumber
    status
    actor
    createdAt
  }
}
`,
  variables: json({ after: null }),
};

const ORDER = 'SO-0000000001';

const confirm: Example = {
  query: `# Answers lines of an order: what will come, what later, and what not.
# As a client with the scope orders:manage.
mutation ConfirmLines($input: ConfirmSalesOrderLinesInput!) {
  confirmSalesOrderLines(input: $input) {
    orderNumber
    status
    version
    products {
      lineNo
      productCode
      quantity
      answer {
        openQuantity
        confirmedQuantity
        backOrderedQuantity
        rejectedQuantity
        promisedOn
        reason
      }
    }
  }
}
`,
  variables: json({ input: { orderNumber: ORDER, lines: [{ lineNo: 1, confirmedQuantity: 2, promisedOn: '2026-12-24' }] } }),
};

const ship: Example = {
  query: `# Records what leaves together. The order is SHIPPED when all that is
# confirmed has left, and nothing is open.
mutation Ship($input: RecordShipmentInput!) {
  recordShipment(input: $input) {
    orderNumber
    status
    version
    shipments {
      shipmentNumber
      carrier
      trackingNumber
      shippedAt
      lines {
        lineNo
        quantity
      }
    }
  }
}
`,
  variables: json({
    input: { orderNumber: ORDER, shipmentNumber: 'SHP-4711', carrier: 'JNE', lines: [{ lineNo: 1, quantity: 2 }] },
  }),
};

const cancel: Example = {
  query: `# Cancels a whole order, of which nothing has left. The partner reads
# partnerNote, and nobody but us reads note.
mutation Cancel($input: UpdateSalesOrderStatusInput!) {
  updateSalesOrderStatus(input: $input) {
    orderNumber
    status
    version
    nextStatuses
  }
}
`,
  variables: json({ input: { orderNumber: ORDER, status: 'CANCELLED', partnerNote: 'As agreed by telephone' } }),
};

const answer: Example = {
  query: `# Answers what a partner asked to be cancelled or changed. With the
# scope orders:read, a search for what waits for an answer has
# where: {requestState: {eq: PENDING}}.
mutation AnswerRequest($input: AnswerSalesOrderRequestInput!) {
  answerSalesOrderRequest(input: $input) {
    orderNumber
    status
    version
    requests {
      requestNumber
      kind
      state
      reason
      note
      lines {
        lineNo
        cancelledQuantity
      }
      change {
        requestedDeliveryDate
        address
        changedLines {
          lineNo
          quantity
        }
        removedLines {
          lineNo
        }
        addedLines {
          productCode
          quantity
        }
      }
      answerReason
      answerNote
    }
  }
}
`,
  variables: json({
    input: {
      orderNumber: ORDER,
      requestNumber: 'RQ-0000000001',
      decision: 'REJECT',
      reason: 'IN_PREPARATION',
      note: 'It is being packed',
    },
  }),
};

/** The tabs a newcomer finds, in the order in which to try them. */
export const EXAMPLES: Example[] = [logIn, create, page, confirm, ship, answer, cancel, summary, follow];
