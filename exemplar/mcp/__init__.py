"""Tools for programs that work with language models, over the Model Context Protocol; they call the public API."""
