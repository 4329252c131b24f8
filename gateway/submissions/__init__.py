"""Accept submissions: admit, read the upload, record durably, answer."""
