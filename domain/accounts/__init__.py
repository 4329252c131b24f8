"""Rules of developers, projects, users, keys, tiers and limits."""
