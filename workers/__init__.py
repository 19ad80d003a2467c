"""What happens afterwards: Dramatiq actors, the outbox relay and the timetable. Never imports the API."""
