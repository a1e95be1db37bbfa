"""Many documents: measured once each, by one process, several, or a cluster, into a folder with a manifest."""
