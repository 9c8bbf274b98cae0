"""All runs on one page: their records in the order of time, charts of them, the page."""
