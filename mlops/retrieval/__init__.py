"""From a query to a ranking: encoder, lexical index, filters, fusion."""
