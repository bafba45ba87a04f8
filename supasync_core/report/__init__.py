"""One page that shows where a migration stands: made of NEW's records and what this machine keeps."""
