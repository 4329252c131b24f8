"""Objects in a bucket, for those who keep more pictures than MongoDB should."""
