"""Heads that come with reportgen for the bodies of packaged models: a file of weights each, and the script that fitted it."""
