"""The recurring jobs of the scheduler and their timetable."""
