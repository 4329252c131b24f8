"""The controls of operators: their stream, and the document that every process reads."""
