"""The log over HTTP for auditors, operators and developers, and who of the staff has read it."""
