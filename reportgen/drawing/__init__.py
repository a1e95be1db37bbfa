"""Charts and matrices as pictures, drawn beforehand and made fit for a page."""
