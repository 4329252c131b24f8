"""Events over HTTP: streams (SSE), pages, lines (NDJSON), long polls and tickets."""
