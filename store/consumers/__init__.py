"""Named positions that the server keeps for programs: readers of the log, and of the feeds of projects."""
