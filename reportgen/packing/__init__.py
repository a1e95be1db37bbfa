"""What a page holds as data, in few bytes: codes of 8 bits, coded by their frequencies, as text."""
