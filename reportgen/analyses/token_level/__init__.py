"""Below the sentences: which tokens look at which, and the query and key of one head."""
