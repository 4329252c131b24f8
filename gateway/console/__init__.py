"""The console for browsers: static files and its sign-in link."""
