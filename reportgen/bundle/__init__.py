"""One report as a folder or an archive to attach to a paper or a review."""
