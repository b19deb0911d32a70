"""Rows: tables, the database, lanes and jobs, blobs, full text. The only place that knows the dialect."""
