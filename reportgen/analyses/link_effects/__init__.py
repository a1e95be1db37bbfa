"""What hiding links does, beside the attention that they get and beside what chance gives."""
