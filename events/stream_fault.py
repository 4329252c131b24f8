class StreamFaultError(ValueError):
    """An event, a commit or a stream is not as the product writes it; the message has ids, versions and types alone."""

    holds_no_data = True
