"""What we ask Shopify for: the GraphQL documents, and what they are for.

All of them fit the versions 2026-01 to 2026-10. One call may cost 1,000 points, counted by what
could come back; that is why the lists are short.
"""

LINES, PARTS, PART_LINES = 50, 6, 20
LISTED, LISTED_LINES = 20, 15
SUBSCRIPTIONS = 100

_HEAD = """
  id name test confirmed createdAt processedAt updatedAt cancelledAt cancelReason
  displayFinancialStatus displayFulfillmentStatus currencyCode
  currentTotalPriceSet { shopMoney { amount currencyCode } }
  email phone customerLocale note tags sourceName statusPageUrl
  customer { id firstName lastName defaultPhoneNumber { phoneNumber } }
  shippingAddress { name firstName lastName phone countryCodeV2 }
  billingAddress { countryCodeV2 }
  shippingLines(first: 3) { nodes { title code source deliveryCategory isRemoved } }
"""
_LINE = "id name title sku quantity currentQuantity requiresShipping customAttributes { key value }"
_PART = f"""
  id status fulfillAt updatedAt
  deliveryMethod {{ methodType minDeliveryDateTime maxDeliveryDateTime }}
  lineItems(first: {PART_LINES}) {{
    pageInfo {{ hasNextPage }}
    nodes {{ remainingQuantity totalQuantity lineItem {{ id }} }}
  }}
"""
_WHOLE = f"""
  {_HEAD}
  lineItems(first: {LINES}) {{ pageInfo {{ hasNextPage }} nodes {{ {_LINE} }} }}
  fulfillments(first: {PARTS}) {{
    id status displayStatus createdAt updatedAt estimatedDeliveryAt
    trackingInfo(first: 5) {{ company number url }}
    fulfillmentLineItems(first: {PART_LINES}) {{
      pageInfo {{ hasNextPage }}
      nodes {{ quantity lineItem {{ id }} }}
    }}
    fulfillmentOrders(first: 3) {{ nodes {{ id }} }}
  }}
  fulfillmentsCount {{ count }}
  fulfillmentOrders(first: {PARTS}) {{ nodes {{ {_PART} }} }}
  refunds(first: 10) {{
    id note createdAt processedAt
    totalRefundedSet {{ shopMoney {{ amount currencyCode }} }}
  }}
"""
ORDER = f"query OrderbellOrder($id: ID!) {{ order(id: $id) {{ {_WHOLE} }} }}"
PART = f"""query OrderbellPart($id: ID!) {{
  fulfillmentOrder(id: $id) {{ {_PART} order {{ {_WHOLE} }} }}
}}"""
CHANGED = f"""query OrderbellChanged($since: String!, $after: String) {{
  orders(first: {LISTED}, after: $after, sortKey: UPDATED_AT, query: $since) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{
      {_HEAD}
      lineItems(first: {LISTED_LINES}) {{ pageInfo {{ hasNextPage }} nodes {{ {_LINE} }} }}
      fulfillmentsCount {{ count }}
      totalRefundedSet {{ shopMoney {{ amount }} }}
    }}
  }}
}}"""
HOOKS = f"""query OrderbellHooks {{
  webhookSubscriptions(first: {SUBSCRIPTIONS}) {{ nodes {{ topic uri format }} }}
}}"""
HOOK = """mutation OrderbellHook(
  $topic: WebhookSubscriptionTopic!, $hook: WebhookSubscriptionInput!
) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $hook) {
    webhookSubscription { id }
    userErrors { field message }
  }
}"""
