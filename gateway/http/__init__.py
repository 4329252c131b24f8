"""HTTP as every route of the gateway needs it: connections, bodies, errors, request ids, caching."""
