"""The peer: what a team would write instead, with FastAPI, Celery, RabbitMQ and MongoDB."""
