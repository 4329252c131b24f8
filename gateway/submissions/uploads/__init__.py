"""Read the multipart body of a submission within limits of size, time and memory."""
