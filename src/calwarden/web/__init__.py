"""The web pages: what clients reach by the links in their mail, and what other programs post to."""
