"""Actions on many generations, by a filter: planned first, then run under a lease."""
