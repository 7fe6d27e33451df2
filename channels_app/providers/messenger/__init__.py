"""Facebook Messenger: the Send API of a Page."""
