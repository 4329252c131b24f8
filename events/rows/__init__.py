"""The rows of the catalogue, one file for each kind of stream."""
